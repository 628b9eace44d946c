import '@xyflow/react/dist/base.css'
import { Background, BackgroundVariant, MiniMap, ReactFlow, ReactFlowProvider, useReactFlow, useStore, type EdgeChange, type NodeChange } from '@xyflow/react'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { ErrorPanel } from '@/ui/error-panel'
import { Loading } from '@/ui/loading'
import type { Drawing, GraphNodeState } from '../graph/model'
import { firstView } from '../graph/viewport'
import type { Point, Spots } from '../model/edit'
import type { Note } from '../model/scope'
import type { Editor } from '../store/editor'
import type { Target } from '../store/ui-store'
import classes from './canvas.module.css'
import { CanvasActionsProvider } from './canvas-context'
import { Controls } from './controls'
import { flowEdges, noteNodes, stepNodes, type FlowEdge, type FlowNode } from './flow-nodes'
import { NoteView } from './note-view'
import { StepView } from './step-view'
import { useConnecting } from './use-connecting'
import { useDragging } from './use-dragging'
import { useSpots } from './use-spots'
import { useKeepInView } from './use-keep-in-view'
import { offerCanvas } from '../palette/drop-place'
import { WayView } from './way-view'

export interface CanvasProps {
  drawing: Drawing
  label: string
  notes?: readonly Note[]
  states?: Record<string, GraphNodeState>
  issues?: Record<string, { errors: number; warnings: number }>
  changes?: Record<string, 'added' | 'removed' | 'changed'>
  pinned?: ReadonlySet<string>
  /** Without it the canvas is only looked at. */
  editor?: Editor
  selected: { nodes: readonly string[]; edges: readonly string[]; notes: readonly string[] }
  onOpen?: (nodeId: string | null) => void
  onMenu?: (nodeId: string | null, screen: Point) => void
  /** The step that must not be hidden by what floats over the canvas, and how much of its right side is covered. */
  keep?: { id: string; right: number } | null
}

const NODE_TYPES = { step: StepView, note: NoteView }
const EDGE_TYPES = { way: WayView }
const CULL_ABOVE = 150
const MAP_BETWEEN = [12, 400] as const
const NO_NOTES: readonly Note[] = []
const MULTI = ['Meta', 'Control', 'Shift']

export default function Canvas(props: CanvasProps) {
  const { spots, error } = useSpots(props.drawing)
  if (error !== null) return <ErrorPanel error={error} />
  if (spots === null) return <Loading label="Laying out" />
  return (
    <ReactFlowProvider>
      <Flow {...props} spots={spots} />
    </ReactFlowProvider>
  )
}

function Flow({ drawing, label, notes = NO_NOTES, states, issues, changes, pinned, editor, selected, onOpen, onMenu, keep, spots }: CanvasProps & { spots: Spots }) {
  const stage = useRef<HTMLDivElement>(null)
  const flow = useReactFlow<FlowNode, FlowEdge>()
  const editable = editor !== undefined
  const before = useRef<ReadonlyMap<string, FlowNode>>(new Map())
  const chosen = useMemo(() => new Set([...selected.nodes, ...selected.notes.map((id) => `note:${id}`)]), [selected.nodes, selected.notes])
  const chosenEdges = useMemo(() => new Set(selected.edges), [selected.edges])

  const base = useMemo(() => {
    const shown = { drawing, spots, notes, selected: chosen, states, issues, changes, pinned, editable }
    const nodes = [...noteNodes(shown, before.current), ...stepNodes(shown, before.current)]
    before.current = new Map(nodes.map((node) => [node.id, node]))
    return nodes
  }, [drawing, spots, notes, chosen, states, issues, changes, pinned, editable])
  const edges = useMemo(() => flowEdges({ drawing, spots, notes, selected: chosen, states, editable }, chosenEdges, classes.edge), [drawing, spots, notes, chosen, chosenEdges, states, editable])

  const { moving, begin, track, end } = useDragging(editor, base)
  const nodes = useMemo(() => (moving ? base.map((node) => (moving[node.id] ? { ...node, position: moving[node.id] ?? node.position } : node)) : base), [base, moving])
  const pick = useCallback((target: Target, screen: Point) => editor?.ui.setState({ picker: { target, screen } }), [editor])
  const connecting = useConnecting(editor, pick)
  const actions = useMemo(
    () => ({
      pick,
      changeNote: (id: string, change: Partial<Note>, words: string) => editor?.changeNotes((all) => all.map((note) => (note.id === id ? { ...note, ...change } : note)), { label: words }),
    }),
    [editor, pick],
  )

  useEffect(() => editor?.ui.setState({ spots }), [editor, spots])
  useEffect(() => (editable ? offerCanvas((screen) => flow.screenToFlowPosition(screen, { snapToGrid: false })) : undefined), [editable, flow])
  useKeepInView(stage, keep ?? null, spots)

  const onNodesChange = useCallback(
    (list: NodeChange<FlowNode>[]) => {
      track(list)
      const picks = list.filter((change) => change.type === 'select')
      if (!editor || picks.length === 0) return
      const { nodes: ids, notes: noted } = editor.ui.getState()
      const now = new Set([...ids, ...noted.map((id) => `note:${id}`)])
      for (const { id, selected: on } of picks) {
        if (on) now.add(id)
        else now.delete(id)
      }
      editor.ui.setState({ nodes: [...now].filter((id) => !id.startsWith('note:')), notes: [...now].filter((id) => id.startsWith('note:')).map((id) => id.slice(5)) })
    },
    [editor, track],
  )
  const onEdgesChange = useCallback(
    (list: EdgeChange<FlowEdge>[]) => {
      const picks = list.filter((change) => change.type === 'select')
      if (!editor || picks.length === 0) return
      const now = new Set(editor.ui.getState().edges)
      for (const { id, selected: on } of picks) {
        if (on) now.add(id)
        else now.delete(id)
      }
      editor.ui.setState({ edges: [...now] })
    },
    [editor],
  )
  const [map, setMap] = useState(true)
  const many = drawing.nodes.length
  return (
    <CanvasActionsProvider value={actions}>
      <ReactFlow<FlowNode, FlowEdge>
        ref={stage}
        className={classes.flow}
        aria-label={label}
        nodes={nodes}
        edges={edges}
        nodeTypes={NODE_TYPES}
        edgeTypes={EDGE_TYPES}
        onNodesChange={onNodesChange}
        onEdgesChange={onEdgesChange}
        onNodeDragStart={begin}
        onNodeDragStop={end}
        onSelectionDragStart={begin}
        onSelectionDragStop={end}
        {...(editable ? connecting : {})}
        nodesDraggable={editable}
        nodesConnectable={editable}
        elementsSelectable
        nodesFocusable
        edgesFocusable={editable}
        disableKeyboardA11y
        deleteKeyCode={null}
        multiSelectionKeyCode={MULTI}
        selectNodesOnDrag={false}
        nodeDragThreshold={3}
        connectionRadius={26}
        snapToGrid={editable}
        snapGrid={[10, 10]}
        zoomOnDoubleClick={false}
        onNodeClick={(event, node) => node.type === 'step' && !(event.shiftKey || event.ctrlKey || event.metaKey) && onOpen?.(node.id)}
        onPaneClick={() => onOpen?.(null)}
        onNodeContextMenu={(event, node) => {
          event.preventDefault()
          onMenu?.(node.id, { x: event.clientX, y: event.clientY })
        }}
        onPaneContextMenu={(event) => {
          event.preventDefault()
          onMenu?.(null, { x: event.clientX, y: event.clientY })
        }}
        onMouseMove={editable ? (event) => editor.ui.setState({ pointer: flow.screenToFlowPosition({ x: event.clientX, y: event.clientY }) }) : undefined}
        onlyRenderVisibleElements={many > CULL_ABOVE}
        onInit={() => {
          const size = stage.current ? { width: stage.current.clientWidth, height: stage.current.clientHeight } : { width: 0, height: 0 }
          const view = firstView(nodes, size)
          if (view) void flow.setViewport(view)
        }}
        minZoom={0.1}
        maxZoom={1.75}
        proOptions={{ hideAttribution: true }}
      >
        <Background variant={BackgroundVariant.Dots} gap={20} size={1.25} />
        <Far stage={stage} />
        {map && many >= MAP_BETWEEN[0] && many <= MAP_BETWEEN[1] ? (
          <MiniMap className={classes.map} pannable zoomable nodeColor="var(--mr-line)" nodeStrokeColor="var(--mr-dim)" nodeBorderRadius={24} maskColor="color-mix(in srgb, var(--mr-bg) 70%, transparent)" ariaLabel="Overview" position="bottom-left" style={{ left: 44, width: 160, height: 100 }} />
        ) : null}
        <Controls editor={editor} drawing={drawing} map={many >= MAP_BETWEEN[0] && many <= MAP_BETWEEN[1] ? map : null} onMap={setMap} />
      </ReactFlow>
    </CanvasActionsProvider>
  )
}

const FAR = 0.5

/** From afar a step is its icon and its name; one mark on the canvas, so that zooming renders no step again. */
function Far({ stage }: { stage: React.RefObject<HTMLDivElement | null> }) {
  const far = useStore((state) => state.transform[2] < FAR)
  useEffect(() => {
    if (stage.current) stage.current.dataset.far = String(far)
  }, [stage, far])
  return null
}
