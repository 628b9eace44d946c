/** Questions about steps and the ways between them. Pure; they hold for a workflow and for the body of a loop alike. */
import { portOf, type DefinitionEdge, type DefinitionNode } from './definition'

export interface Graph {
  nodes: DefinitionNode[]
  edges: DefinitionEdge[]
}

/** An edge's name: where it comes from, by which port, and where it leads. */
export const edgeId = (edge: DefinitionEdge): string => `${edge.from}:${portOf(edge)}:${edge.to}`

function neighbours(edges: readonly DefinitionEdge[], from: 'from' | 'to', to: 'from' | 'to'): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const edge of edges) found.set(edge[from], [...(found.get(edge[from]) ?? []), edge[to]])
  return found
}

function reach(start: string, next: Map<string, string[]>): Set<string> {
  const seen = new Set<string>()
  const waiting = [start]
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    for (const other of next.get(id) ?? []) {
      if (seen.has(other)) continue
      seen.add(other)
      waiting.push(other)
    }
  }
  return seen
}

/** Every node that can run after this one; without the node itself unless it lies on a cycle. */
export const descendantsOf = (graph: Graph, id: string): Set<string> => reach(id, neighbours(graph.edges, 'from', 'to'))

/** Every node that can have run before this one: what its expressions may read. */
export const ancestorsOf = (graph: Graph, id: string): Set<string> => reach(id, neighbours(graph.edges, 'to', 'from'))

/** A way along edges, both ends included; null when there is none. */
export function pathBetween(graph: Graph, from: string, to: string): string[] | null {
  const next = neighbours(graph.edges, 'from', 'to')
  const before = new Map<string, string | null>([[from, null]])
  const waiting = [from]
  for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
    if (id === to) {
      const path: string[] = []
      for (let at: string | null = to; at !== null; at = before.get(at) ?? null) path.unshift(at)
      return path
    }
    for (const other of next.get(id) ?? []) {
      if (before.has(other)) continue
      before.set(other, id)
      waiting.push(other)
    }
  }
  return null
}

/** Ids so that every edge points forward, otherwise as written; what lies on a cycle comes last. */
export function topologicalOrder({ nodes, edges }: Graph): string[] {
  const open = new Map(nodes.map(({ id }) => [id, 0]))
  for (const { from, to } of edges) if (open.has(from) && open.has(to)) open.set(to, (open.get(to) ?? 0) + 1)
  const next = neighbours(edges, 'from', 'to')
  const order = nodes.filter(({ id }) => open.get(id) === 0).map(({ id }) => id)
  for (const id of order) {
    for (const other of next.get(id) ?? []) {
      const left = (open.get(other) ?? 0) - 1
      open.set(other, left)
      if (left === 0) order.push(other)
    }
  }
  const placed = new Set(order)
  return [...order, ...nodes.map(({ id }) => id).filter((id) => !placed.has(id))]
}
