/** A JSON Schema's fields as rows to read. */
import type { JsonSchema } from '@/api/types'

export interface SchemaField {
  name: string
  type: string
  required: boolean
  description: string
  fallback: string | null
}

const resolve = (schema: JsonSchema, defs: JsonSchema): JsonSchema => {
  const ref = typeof schema.$ref === 'string' ? schema.$ref.split('/').pop() : undefined
  return ref !== undefined && typeof defs[ref] === 'object' ? { ...(defs[ref] as JsonSchema), ...schema, $ref: undefined } : schema
}

/** A type in words: "string", "one of GET, POST", "list of object", "CEL expression". */
export function typeWords(given: JsonSchema, defs: JsonSchema = {}): string {
  const schema = resolve(given, defs)
  if (schema.format === 'cel') return 'CEL expression'
  if (Array.isArray(schema.enum)) return `one of ${schema.enum.map(String).join(', ')}`
  if ('const' in schema) return String(schema.const)
  const choices = (schema.anyOf ?? schema.oneOf) as JsonSchema[] | undefined
  if (Array.isArray(choices)) {
    const words = choices.filter((choice) => choice.type !== 'null').map((choice) => typeWords(choice, defs))
    return [...new Set(words)].join(' or ')
  }
  if (schema.type === 'array') return schema.items ? `list of ${typeWords(schema.items as JsonSchema, defs)}` : 'list'
  if (schema.type === 'object' && typeof schema.additionalProperties === 'object') return `object of ${typeWords(schema.additionalProperties as JsonSchema, defs)}`
  if (schema.format === 'date-time') return 'RFC 3339 time'
  return typeof schema.type === 'string' ? schema.type : 'any JSON'
}

export function fieldsOfSchema(schema: JsonSchema): SchemaField[] {
  const defs = (schema.$defs ?? {}) as JsonSchema
  const required = Array.isArray(schema.required) ? (schema.required as string[]) : []
  return Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>).map(([name, field]) => ({
    name,
    type: typeWords(field, defs),
    required: required.includes(name),
    description: typeof field.description === 'string' ? field.description : '',
    fallback: field.default === undefined || field.default === null ? null : JSON.stringify(field.default),
  }))
}
