import '@xyflow/react/dist/base.css'
import { Background, BackgroundVariant, Controls, MarkerType, ReactFlow, ReactFlowProvider, type Edge, type Node, type ReactFlowInstance } from '@xyflow/react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { ErrorPanel } from '@/ui/error-panel'
import { Loading } from '@/ui/loading'
import classes from './graph.module.css'
import { layOut, type Places } from './layout'
import { draw, edgeTaken, type DefinitionGraphProps, type Drawing, type DrawnNode } from './model'
import { NodeView } from './node-view'
import { firstView } from './viewport'

export interface NodeData extends Record<string, unknown> {
  drawn: DrawnNode
  status?: string
  attempts?: number
  errors: number
  warnings: number
}

const NODE_TYPES = { step: NodeView }
const CULL_ABOVE = 150
// An arrowhead is drawn once for all edges of its colour, so it cannot take the colour from its edge.
const EDGE_COLOURS = { idle: 'var(--mr-edge)', dead: 'var(--mr-edge)', taken: 'var(--mr-ok)', running: 'var(--mr-running)' }

/** The whole, if its words can be read at that size; else as much as fits, from where it starts. */
async function showFirst(flow: ReactFlowInstance<Node<NodeData>>, stage: HTMLElement | null): Promise<void> {
  const view = stage ? firstView(flow.getNodes(), { width: stage.clientWidth, height: stage.clientHeight }) : null
  if (view) await flow.setViewport(view)
}

/** Read-only: pan, zoom, choose a node. The only file beside node-view that knows the canvas library. */
export default function Graph(props: DefinitionGraphProps) {
  const { definition, registry, triggers, label, onSelect } = props
  const drawing = useMemo(() => draw({ definition, registry, triggers }), [definition, registry, triggers])
  const { places, error } = usePlaces(drawing)
  const stage = useRef<HTMLDivElement>(null)
  if (error !== null) return <ErrorPanel error={error} />
  if (places === null) return <Loading label="Laying out" />
  return (
    <ReactFlowProvider>
      <ReactFlow
        ref={stage}
        className={classes.flow}
        aria-label={label}
        nodes={toNodes(drawing, places, props)}
        edges={toEdges(drawing, props)}
        nodeTypes={NODE_TYPES}
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        onNodeClick={(_, node) => onSelect?.(node.id)}
        onPaneClick={() => onSelect?.(null)}
        onlyRenderVisibleElements={drawing.nodes.length > CULL_ABOVE}
        onInit={(flow) => void showFirst(flow, stage.current)}
        minZoom={0.1}
        maxZoom={1.75}
        deleteKeyCode={null}
        proOptions={{ hideAttribution: true }}
      >
        <Background variant={BackgroundVariant.Dots} gap={20} size={1.25} />
        <Controls showInteractive={false} position="bottom-left" />
      </ReactFlow>
    </ReactFlowProvider>
  )
}

/** The layout depends on the shape only, so states may change without moving anything. */
function usePlaces(drawing: Drawing): { places: Places | null; error: unknown } {
  const shape = JSON.stringify([drawing.nodes.map(({ id, height, ports, position }) => [id, height, ports, position]), drawing.edges])
  const [found, setFound] = useState<{ shape: string; places: Places | null; error: unknown }>({ shape: '', places: null, error: null })
  useEffect(() => {
    let current = true
    layOut(drawing).then(
      (places) => current && setFound({ shape, places, error: null }),
      (error: unknown) => current && setFound({ shape, places: null, error }),
    )
    return () => {
      current = false
    }
    // `shape` stands for what of the drawing matters here.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [shape])
  // While a changed definition is laid out, the places of before serve if they name every node.
  const usable = found.places !== null && drawing.nodes.every(({ id }) => found.places?.[id])
  return usable ? found : { places: null, error: found.shape === shape ? found.error : null }
}

function toNodes(drawing: Drawing, places: Places, { states, issues, selected }: DefinitionGraphProps): Node<NodeData>[] {
  return drawing.nodes.map((drawn) => ({
    id: drawn.id,
    type: 'step',
    position: places[drawn.id] ?? { x: 0, y: 0 },
    width: drawn.width,
    height: drawn.height,
    selected: drawn.id === selected,
    ariaLabel: `${drawn.title}, ${drawn.subtitle}${states?.[drawn.id] ? `, ${states[drawn.id]?.status}` : ''}`,
    data: {
      drawn,
      status: states?.[drawn.id]?.status,
      attempts: states?.[drawn.id]?.attempts,
      errors: issues?.[drawn.id]?.errors ?? 0,
      warnings: issues?.[drawn.id]?.warnings ?? 0,
    },
  }))
}

function toEdges(drawing: Drawing, { states }: DefinitionGraphProps): Edge[] {
  const manyPorts = new Map(drawing.nodes.map(({ id, ports }) => [id, ports.length > 1]))
  return drawing.edges.map((edge) => {
    const taken = edgeTaken(edge, states)
    const running = states?.[edge.target]?.status === 'running' && taken !== false
    const state = taken === null ? 'idle' : taken ? 'taken' : 'dead'
    return {
      id: edge.id,
      source: edge.source,
      sourceHandle: edge.port,
      target: edge.target,
      className: classes.edge,
      data: { labelled: manyPorts.get(edge.source) },
      domAttributes: { 'data-state': running ? 'running' : state } as never,
      markerEnd: { type: MarkerType.ArrowClosed, width: 14, height: 14, color: EDGE_COLOURS[running ? 'running' : state] },
    }
  })
}
