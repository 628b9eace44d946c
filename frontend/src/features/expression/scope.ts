/** What an expression can name at one place of a workflow, and what is known of each: its schema, and data that it once had. */
import type { Schema } from '@/lib/schema'

export interface ScopeNode {
  id: string
  name: string
  type: string
  schema?: Schema
  /** Undefined when nothing is known; null is a value. */
  sample?: unknown
}

export interface ExpressionScope {
  nodes: ScopeNode[]
  input: { schema?: Schema; sample?: unknown }
  trigger?: unknown
  execution?: unknown
  /** Within a loop: one of its items. */
  item?: { sample?: unknown }
  /** Names that only this field has, such as `event`. */
  extra?: Record<string, { schema?: Schema; sample?: unknown }>
}

export const EMPTY_SCOPE: ExpressionScope = { nodes: [], input: {} }

const TRIGGER_FIELDS = ['type', 'id', 'headers', 'query', 'method', 'path', 'topic', 'partition', 'offset', 'key', 'timestamp', 'planned_at']
const EXECUTION_FIELDS = ['id', 'workflow_id', 'version', 'started_at']

/** One name that may follow. */
export interface Member {
  name: string
  detail: string
  info?: string
}

const typeWord = (schema: Schema | undefined): string => (typeof schema?.type === 'string' ? schema.type : Array.isArray(schema?.type) ? schema.type.join(' | ') : '')

function sampleWord(value: unknown): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) return `list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'object'
  const text = JSON.stringify(value)
  return text.length > 32 ? `${text.slice(0, 31)}…` : text
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

interface Known {
  schema?: Schema
  sample?: unknown
}

function step({ schema, sample }: Known, name: string): Known {
  const properties = isObject(schema?.properties) ? schema.properties : {}
  const within = properties[name]
  return { schema: isObject(within) ? within : undefined, sample: isObject(sample) ? sample[name] : undefined }
}

function membersOf({ schema, sample }: Known): Member[] {
  const properties = isObject(schema?.properties) ? schema.properties : {}
  const names = new Set([...(isObject(sample) ? Object.keys(sample) : []), ...Object.keys(properties)])
  return [...names].map((name) => {
    const next = step({ schema, sample }, name)
    return { name, detail: sampleWord(next.sample) || typeWord(next.schema), info: typeof next.schema?.description === 'string' ? next.schema.description : undefined }
  })
}

const roots = (scope: ExpressionScope): Member[] => [
  { name: 'input', detail: sampleWord(scope.input.sample) || 'what the workflow was started with' },
  { name: 'nodes', detail: scope.nodes.length === 0 ? 'no step comes before' : 'the steps before this one' },
  { name: 'trigger', detail: 'what started it' },
  { name: 'execution', detail: 'this run' },
  ...(scope.item ? [{ name: 'item', detail: sampleWord(scope.item.sample) || 'one of the list' }, { name: 'index', detail: 'its number, from 0' }] : []),
  ...Object.keys(scope.extra ?? {}).map((name) => ({ name, detail: '' })),
]

/** What may follow a path such as `nodes.charge.output`; the path's own parts are names without brackets. */
export function membersAt(scope: ExpressionScope, path: readonly string[]): Member[] {
  const [root, ...rest] = path
  if (root === undefined) return roots(scope)
  if (root === 'trigger' && rest.length === 0) {
    const known = membersOf({ sample: scope.trigger })
    return known.length > 0 ? known : TRIGGER_FIELDS.map((name) => ({ name, detail: '' }))
  }
  if (root === 'execution' && rest.length === 0) return EXECUTION_FIELDS.map((name) => ({ name, detail: '' }))
  if (root === 'nodes') {
    const [id, part, ...deeper] = rest
    if (id === undefined) return scope.nodes.map(({ id: name, name: title, type }) => ({ name, detail: title === name ? type : title, info: type }))
    const node = scope.nodes.find((each) => each.id === id)
    if (!node) return []
    if (part === undefined) return [{ name: 'output', detail: sampleWord(node.sample) || 'what it gave' }, { name: 'error', detail: 'why it failed' }, { name: 'callback_url', detail: 'where to answer' }]
    if (part === 'error' && deeper.length === 0) return ['code', 'message', 'class'].map((name) => ({ name, detail: 'string' }))
    return part === 'output' ? membersOf(deeper.reduce<Known>(step, { schema: node.schema, sample: node.sample })) : []
  }
  const start: Known | undefined = root === 'input' ? scope.input : root === 'item' ? scope.item : root === 'trigger' ? { sample: scope.trigger } : scope.extra?.[root]
  return start ? membersOf(rest.reduce<Known>(step, start)) : []
}

/** The variables for a preview, as far as there is data: `nodes` has every id, so `has(nodes.x.output)` is false for one without. */
export function valuesOf(scope: ExpressionScope): Record<string, unknown> {
  const nodes = Object.fromEntries(scope.nodes.map(({ id, sample }) => [id, sample === undefined ? {} : { output: sample }]))
  const some = (name: string, value: unknown) => (value === undefined ? {} : { [name]: value })
  return {
    nodes,
    ...some('input', scope.input.sample),
    ...some('trigger', scope.trigger),
    ...some('execution', scope.execution),
    ...(scope.item ? { ...some('item', scope.item.sample), index: 0 } : {}),
    ...Object.fromEntries(Object.entries(scope.extra ?? {}).flatMap(([name, { sample }]) => (sample === undefined ? [] : [[name, sample]]))),
  }
}
