/** Places for nodes, by ELK in a worker of its own: the compiled layouter is large and slow to start, and must not hold up the page. */
import ELK, { type ELK as Elk, type ElkNode } from 'elkjs/lib/elk-api.js'
import workerUrl from 'elkjs/lib/elk-worker.min.js?url'
import type { Drawing } from './model'

export type Places = Record<string, { x: number; y: number }>

const OPTIONS = {
  'elk.algorithm': 'layered',
  'elk.direction': 'RIGHT',
  'elk.spacing.nodeNode': '36',
  'elk.layered.spacing.nodeNodeBetweenLayers': '76',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
  'elk.layered.crossingMinimization.forceNodeModelOrder': 'false',
}

let elk: Elk | undefined

const portId = (node: string, port: string): string => `${node}\u0000${port}`

export function toElk({ nodes, edges }: Drawing): ElkNode {
  return {
    id: 'root',
    layoutOptions: OPTIONS,
    children: nodes.map(({ id, width, height, ports }) => ({
      id,
      width,
      height,
      layoutOptions: { 'elk.portConstraints': 'FIXED_ORDER' },
      ports: [
        { id: portId(id, ''), layoutOptions: { 'elk.port.side': 'WEST' } },
        ...ports.map((port, index) => ({ id: portId(id, port), layoutOptions: { 'elk.port.side': 'EAST', 'elk.port.index': String(index + 1) } })),
      ],
    })),
    edges: edges.map(({ id, source, port, target }) => ({ id, sources: [portId(source, port)], targets: [portId(target, '')] })),
  }
}

/** The positions people gave, when every node of the definition has one; triggers then stand to the left of them. */
export function givenPlaces({ nodes }: Drawing): Places | null {
  const own = nodes.filter((node) => !node.isTrigger)
  if (own.length === 0 || own.some((node) => node.position === undefined)) return null
  const places: Places = Object.fromEntries(own.map((node) => [node.id, node.position ?? { x: 0, y: 0 }]))
  const left = Math.min(...own.map((node) => node.position?.x ?? 0))
  const top = Math.min(...own.map((node) => node.position?.y ?? 0))
  nodes.filter((node) => node.isTrigger).forEach((node, index) => (places[node.id] = { x: left - 320, y: top + index * 92 }))
  // All at one point is no drawing: those who write JSON by hand often leave zeros.
  const spots = new Set(own.map((node) => `${node.position?.x},${node.position?.y}`))
  return spots.size === own.length ? places : null
}

export async function layOut(drawing: Drawing): Promise<Places> {
  const given = givenPlaces(drawing)
  if (given) return given
  elk ??= new ELK({ workerFactory: () => new Worker(workerUrl) })
  const graph = await elk.layout(toElk(drawing))
  return Object.fromEntries((graph.children ?? []).map(({ id, x = 0, y = 0 }) => [id, { x, y }]))
}
