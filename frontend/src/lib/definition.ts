/** The workflow language `millrace/1` as a draft holds it: every field that may be left out is optional here. */

export interface RetryPolicy {
  max_attempts?: number
  initial_seconds?: number
  backoff?: number
  max_seconds?: number
  jitter?: boolean
  on?: string[]
  not_on?: string[]
}

export interface DefinitionNode {
  id: string
  type: string
  name?: string
  config?: Record<string, unknown>
  retry?: RetryPolicy
  timeout_seconds?: number
  on_error?: 'fail' | 'branch' | 'continue'
  undo?: string
  join?: 'all' | 'any' | { quorum: number }
  delivery?: 'at_least_once' | 'at_most_once'
  sensitive?: string[]
  disabled?: boolean
  ui?: { x?: number; y?: number; [key: string]: unknown }
}

export interface DefinitionEdge {
  from: string
  port?: string
  to: string
}

export interface Definition {
  schema: 'millrace/1'
  input_schema?: Record<string, unknown> | boolean
  nodes: DefinitionNode[]
  edges?: DefinitionEdge[]
  output?: unknown
  settings?: Record<string, unknown>
  /** What the builder draws beside the steps. */
  ui?: Record<string, unknown>
}

export const emptyDefinition = (): Definition => ({ schema: 'millrace/1', nodes: [], edges: [] })

export const portOf = (edge: DefinitionEdge): string => edge.port ?? 'main'

/** Whether a parsed JSON value can be drawn: it has nodes with ids. Says nothing about whether it could run. */
export function isDrawable(value: unknown): value is Definition {
  if (typeof value !== 'object' || value === null) return false
  const { nodes, edges } = value as { nodes?: unknown; edges?: unknown }
  const isNode = (node: unknown) =>
    typeof node === 'object' && node !== null && typeof (node as DefinitionNode).id === 'string' && typeof (node as DefinitionNode).type === 'string'
  return Array.isArray(nodes) && nodes.every(isNode) && (edges === undefined || Array.isArray(edges))
}

/** Nodes nothing leads to: where an execution starts. */
export function rootsOf(definition: Definition): DefinitionNode[] {
  const reached = new Set((definition.edges ?? []).map((edge) => edge.to))
  return definition.nodes.filter((node) => !reached.has(node.id))
}

/** The node an issue's JSON Pointer lies in (`/definition/nodes/2/config/url` or `/nodes/2`), if any. */
export function nodeAtPointer(definition: Definition, pointer: string): DefinitionNode | undefined {
  const match = /^(?:\/definition)?\/nodes\/(\d+)(?:\/|$)/.exec(pointer)
  return match ? definition.nodes[Number(match[1])] : undefined
}

/** An input that `input_schema` suggests: its examples and defaults, else an empty value of each property's type. */
export function sampleInput(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null) return {}
  return sampleOf(schema as Record<string, unknown>, 0)
}

function sampleOf(schema: Record<string, unknown>, depth: number): unknown {
  if (Array.isArray(schema.examples) && schema.examples.length > 0) return schema.examples[0]
  if ('default' in schema) return schema.default
  if ('const' in schema) return schema.const
  if (Array.isArray(schema.enum) && schema.enum.length > 0) return schema.enum[0]
  const type: unknown = Array.isArray(schema.type) ? schema.type[0] : schema.type
  if (type === 'string') return ''
  if (type === 'number' || type === 'integer') return typeof schema.minimum === 'number' ? schema.minimum : 0
  if (type === 'boolean') return false
  if (type === 'array') return []
  if (type === 'null') return null
  const properties = schema.properties
  if (typeof properties !== 'object' || properties === null || depth > 6) return {}
  const entries = Object.entries(properties as Record<string, Record<string, unknown>>)
  return Object.fromEntries(entries.map(([name, inner]) => [name, sampleOf(inner ?? {}, depth + 1)]))
}
