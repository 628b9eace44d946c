/** What differs between two versions, step by step, for one drawing of both. Where a step stands is no difference. Pure. */
import type { Definition, DefinitionNode } from '@/lib/definition'
import { edgeId } from '@/lib/graph'
import { without } from '@/lib/json-path'

export type Change = 'added' | 'removed' | 'changed'

/** The same whatever the order of fields. */
const written = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1))) : inner))

const meaning = (node: DefinitionNode): string => written(without(node, 'ui'))

export function changesBetween(before: Definition, after: Definition): Record<string, Change> {
  const old = new Map(before.nodes.map((node) => [node.id, node]))
  const changes: Record<string, Change> = {}
  for (const node of after.nodes) {
    const was = old.get(node.id)
    if (!was) changes[node.id] = 'added'
    else if (meaning(was) !== meaning(node)) changes[node.id] = 'changed'
    old.delete(node.id)
  }
  for (const id of old.keys()) changes[id] = 'removed'
  return changes
}

/** Everything that is in either: the later version, and what it no longer has. */
export function togetherOf(before: Definition, after: Definition): Definition {
  const ids = new Set(after.nodes.map(({ id }) => id))
  const edges = new Set((after.edges ?? []).map(edgeId))
  return {
    ...after,
    nodes: [...after.nodes, ...before.nodes.filter(({ id }) => !ids.has(id))],
    edges: [...(after.edges ?? []), ...(before.edges ?? []).filter((edge) => !edges.has(edgeId(edge)) && !(ids.has(edge.from) && ids.has(edge.to)))],
  }
}
