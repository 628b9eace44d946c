/**
 * Which graph is being edited: the workflow's own, or the body of a loop within it. A scope is the ids of the loops that lead to it. Everything the
 * editor changes goes back into the definition through here, so fields that the editor does not know stay as they are.
 */
import type { Definition, DefinitionNode } from '@/lib/definition'
import type { Graph } from '@/lib/graph'

export type Scope = readonly string[]

interface Body {
  nodes?: DefinitionNode[]
  edges?: Graph['edges']
  [key: string]: unknown
}

const bodyOf = (node: DefinitionNode): Body => (typeof node.config?.body === 'object' && node.config.body !== null ? (node.config.body as Body) : {})

/** The graph at a scope; null when a loop on the way is gone. */
export function graphAt(definition: Definition, scope: Scope): Graph | null {
  let graph: Graph = { nodes: definition.nodes, edges: definition.edges ?? [] }
  for (const id of scope) {
    const node = graph.nodes.find((each) => each.id === id)
    if (!node) return null
    const { nodes, edges } = bodyOf(node)
    graph = { nodes: Array.isArray(nodes) ? nodes : [], edges: Array.isArray(edges) ? edges : [] }
  }
  return graph
}

const merged = (holder: Body, { nodes, edges }: Graph): Body => ({
  ...holder,
  nodes,
  ...(edges.length > 0 || holder.edges !== undefined ? { edges } : {}),
})

function within(holder: Body, scope: Scope, graph: Graph): Body {
  const [id, ...rest] = scope
  if (id === undefined) return merged(holder, graph)
  const change = (node: DefinitionNode) => (node.id === id ? { ...node, config: { ...node.config, body: within(bodyOf(node), rest, graph) } } : node)
  return { ...holder, nodes: (holder.nodes ?? []).map(change) }
}

/** The definition with another graph at a scope. */
export const withGraph = (definition: Definition, scope: Scope, graph: Graph): Definition => within(definition as unknown as Body, scope, graph) as unknown as Definition

/** The definition with what else reads the steps of a graph changed: the workflow's output, or that of the loop's body. */
export function withReaders(definition: Definition, scope: Scope, change: (value: unknown) => unknown): Definition {
  if (scope.length === 0) return definition.output === undefined ? definition : { ...definition, output: change(definition.output) }
  const outer = scope.slice(0, -1)
  const graph = graphAt(definition, outer)
  const nodes = (graph?.nodes ?? []).map((node) => {
    const body = bodyOf(node)
    return node.id === scope.at(-1) && body.output !== undefined ? { ...node, config: { ...node.config, body: { ...body, output: change(body.output) } } } : node
  })
  return graph ? withGraph(definition, outer, { ...graph, nodes }) : definition
}

/** What is drawn beside steps: notes and frames. A workflow keeps them in its own `ui`, a loop's body in that of the loop. */
export interface CanvasUi {
  notes?: Note[]
  [key: string]: unknown
}

export interface Note {
  id: string
  kind: 'note' | 'group'
  text: string
  x: number
  y: number
  width: number
  height: number
  colour?: string
}

const isNote = (value: unknown): value is Note => {
  const note = value as Partial<Note> | null
  return typeof note === 'object' && note !== null && typeof note.id === 'string' && [note.x, note.y, note.width, note.height].every((each) => typeof each === 'number')
}

export function notesAt(definition: Definition, scope: Scope): Note[] {
  const holder = scope.length === 0 ? definition.ui : nodeAt(definition, scope)?.ui?.canvas
  const notes = (holder as CanvasUi | undefined)?.notes
  return Array.isArray(notes) ? notes.filter(isNote) : []
}

export function withNotes(definition: Definition, scope: Scope, notes: Note[]): Definition {
  if (scope.length === 0) return { ...definition, ui: { ...definition.ui, notes } }
  const outer = scope.slice(0, -1)
  const graph = graphAt(definition, outer)
  if (!graph) return definition
  const nodes = graph.nodes.map((node) => (node.id === scope.at(-1) ? { ...node, ui: { ...node.ui, canvas: { ...(node.ui?.canvas as CanvasUi), notes } } } : node))
  return withGraph(definition, outer, { ...graph, nodes })
}

/** The loop whose body a scope is. */
export function nodeAt(definition: Definition, scope: Scope): DefinitionNode | undefined {
  return graphAt(definition, scope.slice(0, -1))?.nodes.find(({ id }) => id === scope.at(-1))
}

/** The JSON Pointer of a scope's graph within the definition. */
export function pointerOf(definition: Definition, scope: Scope): string {
  let pointer = ''
  scope.forEach((id, depth) => {
    const index = graphAt(definition, scope.slice(0, depth))?.nodes.findIndex((node) => node.id === id) ?? -1
    pointer += `/nodes/${index}/config/body`
  })
  return pointer
}

/** The scope and the node that a pointer into the definition lies in, with what is left of the pointer. */
export function placeOf(definition: Definition, pointer: string): { scope: string[]; node: string | null; rest: string } {
  const scope: string[] = []
  let rest = pointer.replace(/^\/definition(?=\/|$)/, '')
  let node: string | null = null
  for (;;) {
    const match = /^\/nodes\/(\d+)(?=\/|$)/.exec(rest)
    const found = match ? graphAt(definition, scope)?.nodes[Number(match[1])] : undefined
    if (!match || !found) return { scope, node, rest }
    node = found.id
    rest = rest.slice(match[0].length)
    const inner = /^\/config\/body(?=\/nodes\/\d+)/.exec(rest)
    if (!inner) return { scope, node, rest }
    scope.push(found.id)
    node = null
    rest = rest.slice(inner[0].length)
  }
}
