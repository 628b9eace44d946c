/** What one can do to a graph. Every function gives a new graph and leaves the old one as it was; fields nobody here knows are carried along. */
import { portOf, type DefinitionEdge, type DefinitionNode } from '@/lib/definition'
import { descendantsOf, edgeId, type Graph } from '@/lib/graph'

export interface Point {
  x: number
  y: number
}

export type Spots = Record<string, Point>

export const GRID = 10
export const COLUMN = 320
export const ROW = 96
const ROOM = 2 * COLUMN - 60

export const snap = (value: number): number => Math.round(value / GRID) * GRID

export const makeEdge = (from: string, port: string, to: string): DefinitionEdge => (port === 'main' ? { from, to } : { from, port, to })

const placed = (node: DefinitionNode, { x, y }: Point): DefinitionNode => ({ ...node, ui: { ...node.ui, x, y } })

/** Writes down where nodes are shown, for those that have no place of their own yet. */
export function pinned(graph: Graph, spots: Spots): Graph {
  const nodes = graph.nodes.map((node) => {
    const spot = spots[node.id]
    return !spot || (node.ui?.x === spot.x && node.ui.y === spot.y) ? node : placed(node, spot)
  })
  return { ...graph, nodes }
}

/** The nearest spot below `wanted` that no other node stands in. */
export function freeSpot(wanted: Point, others: readonly Point[]): Point {
  const spot = { x: snap(wanted.x), y: snap(wanted.y) }
  const blocked = () => others.some(({ x, y }) => Math.abs(x - spot.x) < 240 && Math.abs(y - spot.y) < 70)
  for (let tries = 0; blocked() && tries < 200; tries++) spot.y += ROW
  return spot
}

export const addNode = (graph: Graph, node: DefinitionNode): Graph => ({ ...graph, nodes: [...graph.nodes, node] })

export const addEdge = (graph: Graph, edge: DefinitionEdge): Graph => ({ ...graph, edges: [...graph.edges, edge] })

export function updateNode(graph: Graph, id: string, change: (node: DefinitionNode) => DefinitionNode): Graph {
  return { ...graph, nodes: graph.nodes.map((node) => (node.id === id ? change(node) : node)) }
}

export function moveNodes(graph: Graph, spots: Spots): Graph {
  return pinned(graph, Object.fromEntries(Object.entries(spots).map(([id, { x, y }]) => [id, { x: snap(x), y: snap(y) }])))
}

/** Puts a node into an edge: what led to the target now leads to the node, and from its port on to the target. Makes room when there is none. */
export function insertOnEdge(graph: Graph, node: DefinitionNode, port: string | null, edge: DefinitionEdge, spots: Spots): Graph {
  const name = edgeId(edge)
  const edges = graph.edges.flatMap((each) =>
    edgeId(each) !== name ? [each] : [{ ...each, to: node.id }, ...(port === null ? [] : [makeEdge(node.id, port, edge.to)])],
  )
  const from = spots[edge.from]
  const to = spots[edge.to]
  if (!from || !to) return { nodes: [...graph.nodes, node], edges }
  const room = to.x - from.x >= ROOM
  const spot = room ? { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 } : { x: from.x + COLUMN, y: to.y }
  const before = { ...graph, edges: graph.edges }
  const behind = new Set([edge.to, ...descendantsOf(before, edge.to)])
  const shift = room ? 0 : Math.max(0, from.x + 2 * COLUMN - to.x)
  const shifted = Object.fromEntries(
    Object.entries(spots).map(([id, { x, y }]) => [id, behind.has(id) && x >= to.x - GRID ? { x: x + shift, y } : { x, y }]),
  )
  const others = Object.entries(shifted).filter(([id]) => id !== node.id).map(([, each]) => each)
  const free = freeSpot(spot, others)
  return pinned({ nodes: [...graph.nodes, placed(node, free)], edges }, shifted)
}

/** Takes nodes out. One that stood between exactly two others leaves them joined; references to it stay, and are reported by the validator. */
export function removeNodes(graph: Graph, ids: ReadonlySet<string>): Graph {
  let edges = graph.edges
  for (const id of ids) {
    const incoming = edges.filter((edge) => edge.to === id)
    const outgoing = edges.filter((edge) => edge.from === id)
    edges = edges.filter((edge) => edge.to !== id && edge.from !== id)
    const [into] = incoming
    const [out] = outgoing
    if (!into || !out || incoming.length > 1 || outgoing.length > 1 || portOf(out) === 'error') continue
    const joined = { ...into, to: out.to }
    if (!edges.some((edge) => edgeId(edge) === edgeId(joined)) && joined.from !== joined.to) edges = [...edges, joined]
  }
  return { nodes: graph.nodes.filter(({ id }) => !ids.has(id)), edges }
}

export function removeEdges(graph: Graph, names: ReadonlySet<string>): Graph {
  return { ...graph, edges: graph.edges.filter((edge) => !names.has(edgeId(edge))) }
}

/** A value with another name for a node in whatever reads it: `nodes.x`, `nodes.?x`, `nodes['x']`, `nodes["x"]`. The body of a loop that has a step of that id means its own. */
export function renamedIn<T>(value: T, before: string, after: string): T {
  const reference = new RegExp(`(?<![\\w.])(nodes\\s*(?:\\.\\s*\\??\\s*|\\[\\s*['"]))${before}(?!\\w)`, 'g')
  const inside = <Inner>(inner: Inner): Inner => {
    if (typeof inner === 'string') return inner.replace(reference, `$1${after}`) as Inner
    if (Array.isArray(inner)) return inner.map(inside) as Inner
    if (typeof inner !== 'object' || inner === null) return inner
    const own = (inner as { nodes?: unknown }).nodes
    if (Array.isArray(own) && own.some((each) => (each as { id?: unknown } | null)?.id === before)) return inner
    return Object.fromEntries(Object.entries(inner).map(([name, each]) => [name, inside(each as unknown)])) as Inner
  }
  return inside(value)
}

/** Gives a node another id, in edges and in everything of its graph that reads it. */
export function renameId(graph: Graph, before: string, after: string): Graph {
  const inText = <T>(value: T): T => renamedIn(value, before, after)
  const renamed = (id: string) => (id === before ? after : id)
  return {
    nodes: graph.nodes.map((node) => ({
      ...node,
      id: renamed(node.id),
      ...(node.config ? { config: inText(node.config) } : {}),
      // Values that fields hold in their other mode are expressions too.
      ...(node.ui?.fields ? { ui: { ...node.ui, fields: inText(node.ui.fields) } } : {}),
      ...(node.undo ? { undo: renamed(node.undo) } : {}),
    })),
    edges: graph.edges.map((edge) => ({ ...edge, from: renamed(edge.from), to: renamed(edge.to) })),
  }
}

/** Where a port is renamed (a switch's case), its edges follow. */
export function renamePort(graph: Graph, id: string, before: string, after: string): Graph {
  return { ...graph, edges: graph.edges.map((edge) => (edge.from === id && portOf(edge) === before ? makeEdge(id, after, edge.to) : edge)) }
}
