/** Copy and paste: steps as text, with the edges between them, so that they travel between workflows, windows and people. */
import type { DefinitionEdge, DefinitionNode } from '@/lib/definition'
import type { Graph } from '@/lib/graph'
import { renameId, snap, type Point } from './edit'
import { freshId } from './ids'

interface Clip {
  millrace: 'steps'
  nodes: DefinitionNode[]
  edges: DefinitionEdge[]
}

export function clipOf(graph: Graph, ids: ReadonlySet<string>): string {
  const clip: Clip = {
    millrace: 'steps',
    nodes: graph.nodes.filter(({ id }) => ids.has(id)),
    edges: graph.edges.filter(({ from, to }) => ids.has(from) && ids.has(to)),
  }
  return JSON.stringify(clip, null, 2)
}

const isNode = (value: unknown): value is DefinitionNode =>
  typeof value === 'object' && value !== null && typeof (value as DefinitionNode).id === 'string' && typeof (value as DefinitionNode).type === 'string'

const isEdge = (value: unknown): value is DefinitionEdge =>
  typeof value === 'object' && value !== null && typeof (value as DefinitionEdge).from === 'string' && typeof (value as DefinitionEdge).to === 'string'

/** The steps that a text holds: what was copied here, a whole definition, or an exported workflow. Null for any other text. */
export function readClip(text: string): Graph | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  const { definition, nodes, edges } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  const held = (typeof definition === 'object' && definition !== null ? definition : { nodes, edges }) as { nodes?: unknown; edges?: unknown }
  if (!Array.isArray(held.nodes) || held.nodes.length === 0 || !held.nodes.every(isNode)) return null
  return { nodes: held.nodes, edges: Array.isArray(held.edges) ? held.edges.filter(isEdge) : [] }
}

/** Puts steps into a graph under ids of their own, their upper left corner at `at`; without it a little beside where they were. */
export function paste(graph: Graph, clip: Graph, at: Point | null): { graph: Graph; ids: string[] } {
  const taken = new Set(graph.nodes.map(({ id }) => id))
  let coming: Graph = clip
  const ids: string[] = []
  for (const { id } of clip.nodes) {
    // Not an id of the clip that is still to come either, or two steps would fall into one.
    const others = new Set([...taken, ...coming.nodes.map((node) => node.id).filter((other) => other !== id)])
    const free = freshId(id, others)
    if (free !== id) coming = renameId(coming, id, free)
    taken.add(free)
    ids.push(free)
  }
  const left = Math.min(...coming.nodes.map(({ ui }) => ui?.x ?? 0))
  const top = Math.min(...coming.nodes.map(({ ui }) => ui?.y ?? 0))
  const shift = at ? { x: at.x - left, y: at.y - top } : { x: 40, y: 40 }
  const nodes = coming.nodes.map((node) => ({ ...node, ui: { ...node.ui, x: snap((node.ui?.x ?? 0) + shift.x), y: snap((node.ui?.y ?? 0) + shift.y) } }))
  return { graph: { nodes: [...graph.nodes, ...nodes], edges: [...graph.edges, ...coming.edges] }, ids }
}
