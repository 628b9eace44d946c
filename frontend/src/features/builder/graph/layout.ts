/** Places for nodes, by ELK in a worker of its own: the compiled layouter is large and slow to start, and must not hold up the page. */
import ELK, { type ELK as Elk, type ElkNode } from 'elkjs/lib/elk-api.js'
import workerUrl from 'elkjs/lib/elk-worker.min.js?url'
import type { Drawing } from './model'

export type Places = Record<string, { x: number; y: number }>

const OPTIONS = {
  'elk.algorithm': 'layered',
  'elk.direction': 'RIGHT',
  'elk.spacing.nodeNode': '36',
  'elk.spacing.edgeNode': '34',
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
    // The main way is drawn straight, what branches off makes room for it.
    edges: edges.map(({ id, source, port, target }) => ({
      id,
      sources: [portId(source, port)],
      targets: [portId(target, '')],
      layoutOptions: { 'elk.layered.priority.straightness': port === 'main' || port === 'true' ? '10' : '1' },
    })),
  }
}

const BESIDE = { x: 320, y: 96 }

/** Triggers stand to the left of the steps, one under the other. */
function withTriggers(places: Places, { nodes }: Drawing): Places {
  const all = Object.values(places)
  const left = all.length > 0 ? Math.min(...all.map(({ x }) => x)) : BESIDE.x
  const first = all.filter(({ x }) => x === left).map(({ y }) => y)
  const top = first.length > 0 ? Math.min(...first) : 0
  const triggers = nodes.filter((node) => node.isTrigger)
  return { ...places, ...Object.fromEntries(triggers.map((node, index) => [node.id, { x: left - BESIDE.x, y: top + index * BESIDE.y }])) }
}

/** The nearest place below that is free. */
function settle(wanted: { x: number; y: number }, places: Places): { x: number; y: number } {
  const spot = { ...wanted }
  while (Object.values(places).some(({ x, y }) => Math.abs(x - spot.x) < 240 && Math.abs(y - spot.y) < 70)) spot.y += BESIDE.y
  return spot
}

/** The positions people gave; a node without one stands behind the node that leads to it. Null when nobody gave any, and the layouter has to. */
export function givenPlaces(drawing: Drawing): Places | null {
  const own = drawing.nodes.filter((node) => !node.isTrigger)
  if (own.length === 0) return withTriggers({}, drawing)
  const given = own.filter((node) => node.position !== undefined)
  // All at one point is no drawing: those who write JSON by hand often leave zeros.
  const spots = new Set(given.map((node) => `${node.position?.x},${node.position?.y}`))
  if (given.length === 0 || (given.length > 1 && spots.size === 1)) return null
  const places: Places = Object.fromEntries(given.map((node) => [node.id, node.position ?? { x: 0, y: 0 }]))
  let open = own.filter((node) => node.position === undefined)
  while (open.length > 0) {
    const next = open.find(({ id }) => drawing.edges.some(({ source, target }) => target === id && places[source])) ?? open[0]
    if (!next) break
    const before = drawing.edges.find(({ source, target }) => target === next.id && places[source])
    const from = before ? places[before.source] : undefined
    const left = Math.min(...Object.values(places).map(({ x }) => x))
    places[next.id] = settle(from ? { x: from.x + BESIDE.x, y: from.y } : { x: left, y: 0 }, places)
    open = open.filter((node) => node !== next)
  }
  return withTriggers(places, drawing)
}

export const layOut = async (drawing: Drawing): Promise<Places> => givenPlaces(drawing) ?? arranged(drawing)

/** Places for everything, whatever people gave. */
export async function arranged(drawing: Drawing): Promise<Places> {
  elk ??= new ELK({ workerFactory: () => new Worker(workerUrl) })
  const graph = await elk.layout(toElk(drawing))
  return Object.fromEntries((graph.children ?? []).map(({ id, x = 0, y = 0 }) => [id, { x, y }]))
}
