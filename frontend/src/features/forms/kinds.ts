/** Which kind of field a schema asks for. Decided from the schema alone, so that new node types need nothing here. */
import { alternatives, propertiesOf, single, type Schema } from '@/lib/schema'

export type FieldKind =
  | 'cel' | 'graph' | 'credential' | 'credentials' | 'workflow' | 'code' | 'literal' | 'select' | 'switch' | 'duration' | 'number' | 'datetime' | 'moment' | 'cron' | 'zone' | 'text' | 'longtext'
  | 'secret' | 'texts' | 'selects' | 'list' | 'entries' | 'object' | 'variants' | 'any'

const LONG = /^(message|text|html|markdown|description|comment|prompt|system|content|body|ca|template)$/
const CODE = /^(text\/x-source|application\/sql)$/
const PLAIN = /^(string|integer|number|boolean)$/
const isGraphShape = (schema: Schema): boolean => propertiesOf(schema).some(([name]) => name === 'nodes') && propertiesOf(schema).some(([name]) => name === 'edges')

/** The values of an enumeration, null left out; null when the schema is none. */
export function choicesOf(schema: Schema): (string | number)[] | null {
  const list = Array.isArray(schema.enum) ? (schema.enum as unknown[]) : schema.const !== undefined ? [schema.const] : null
  if (!list) return null
  const choices = list.filter((each): each is string | number => typeof each === 'string' || typeof each === 'number')
  return choices.length > 0 ? choices : null
}

/** The field that tells the variants of a union of objects apart. */
export function discriminatorOf(variants: readonly Schema[]): string | null {
  const names = variants.map((each) => propertiesOf(each).filter(([, inner]) => inner.const !== undefined || (Array.isArray(inner.enum) && inner.enum.length === 1)).map(([name]) => name))
  return names[0]?.find((name) => names.every((others) => others.includes(name))) ?? null
}

export function kindOf(name: string, schema: Schema, root: Schema): FieldKind {
  const all = alternatives(schema, root)
  const here = single(schema, root)
  const format = here.format ?? schema.format
  if (format === 'cel') return 'cel'
  if (here['x-graph'] === true || all.some(isGraphShape)) return 'graph'
  if (format === 'credential' || (name === 'credential' && all.every(({ type }) => type === 'string'))) return 'credential'
  if (format === 'workflow' || (name === 'workflow' && here.type === 'string')) return 'workflow'
  if (format === 'code' || (typeof here.contentMediaType === 'string' && CODE.test(here.contentMediaType))) return 'code'
  if (format === 'literal' || format === 'json-schema') return 'literal'
  if (all.length > 1) {
    const merged = all.flatMap((each) => choicesOf(each) ?? [])
    if (merged.length > 0 && all.every((each) => choicesOf(each))) return 'select'
    if (merged.length > 0 && all.every((each) => choicesOf(each) ?? each.format === 'date-time')) return 'moment'
    if (all.every((each) => each.type === 'string' || (each.type === 'array' && isTexts(each, root)))) return 'texts'
    if (all.every(({ type }) => type === 'object') && discriminatorOf(all)) return 'variants'
    if (all.some(({ type }) => type === 'string') && all.every(({ type }) => PLAIN.test(String(type)))) return 'text'
    return 'any'
  }
  if (choicesOf(here)) return 'select'
  return plainKind(name, here, format, root)
}

function isTexts(schema: Schema, root: Schema): boolean {
  const items = typeof schema.items === 'object' && schema.items !== null ? single(schema.items as Schema, root) : {}
  return items.type === 'string' && items.format !== 'cel'
}

function plainKind(name: string, here: Schema, format: unknown, root: Schema): FieldKind {
  if (here.type === 'boolean') return 'switch'
  if (here.type === 'number' || here.type === 'integer') return /(^|_)seconds$/.test(name) || format === 'duration' ? 'duration' : 'number'
  if (here.type === 'string') {
    if (format === 'password' || here.writeOnly === true) return 'secret'
    if (format === 'date-time') return 'datetime'
    if (format === 'timezone') return 'zone'
    if (format === 'cron' || name === 'cron') return 'cron'
    return format === 'multiline' || LONG.test(name) ? 'longtext' : 'text'
  }
  if (here.type === 'array') {
    const items = typeof here.items === 'object' && here.items !== null ? single(here.items as Schema, root) : {}
    if (items.format === 'credential') return 'credentials'
    if (choicesOf(items)) return 'selects'
    if (isTexts(here, root)) return 'texts'
    return items.type === 'object' && propertiesOf(items).length > 0 ? 'list' : 'any'
  }
  if (here.type === 'object') return propertiesOf(here).length > 0 ? 'object' : 'entries'
  return 'any'
}

/** Kinds that are the same in both modes, or have none: bare expressions, what must stand in the draft itself, structures whose leaves switch by themselves. */
const WITHOUT_MODE: ReadonlySet<FieldKind> = new Set(['cel', 'graph', 'literal', 'code', 'object', 'variants', 'credential', 'credentials', 'secret'])

/** Whether a field can be an expression as a whole. One that holds bare expressions cannot. */
export function switchesMode(kind: FieldKind, schema: Schema, root: Schema): boolean {
  if (WITHOUT_MODE.has(kind)) return false
  const within = kind === 'entries' ? schema.additionalProperties : kind === 'list' ? schema.items : undefined
  if (typeof within !== 'object' || within === null) return true
  const inner = single(within as Schema, root)
  return inner.format !== 'cel' && !propertiesOf(inner).some(([, each]) => single(each, root).format === 'cel')
}
