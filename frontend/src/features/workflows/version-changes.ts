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

const STEP = { width: 232, height: 70, row: 96 }

/** What is gone, below whatever stands in its place now: one must not hide the other. */
function beside(gone: readonly DefinitionNode[], there: readonly DefinitionNode[]): DefinitionNode[] {
  const taken = there.flatMap(({ ui }) => (typeof ui?.x === 'number' && typeof ui.y === 'number' ? [{ x: ui.x, y: ui.y }] : []))
  return gone.map((node) => {
    const { x, y } = node.ui ?? {}
    if (typeof x !== 'number' || typeof y !== 'number') return node
    const spot = { x, y }
    while (taken.some((each) => Math.abs(each.x - spot.x) < STEP.width && Math.abs(each.y - spot.y) < STEP.height)) spot.y += STEP.row
    taken.push(spot)
    return spot.y === y ? node : { ...node, ui: { ...node.ui, y: spot.y } }
  })
}

/** Everything that is in either: the later version, and what it no longer has. */
export function togetherOf(before: Definition, after: Definition): Definition {
  const ids = new Set(after.nodes.map(({ id }) => id))
  const edges = new Set((after.edges ?? []).map(edgeId))
  return {
    ...after,
    nodes: [...after.nodes, ...beside(before.nodes.filter(({ id }) => !ids.has(id)), after.nodes)],
    edges: [...(after.edges ?? []), ...(before.edges ?? []).filter((edge) => !edges.has(edgeId(edge)) && !(ids.has(edge.from) && ids.has(edge.to)))],
  }
}
