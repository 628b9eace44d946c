/** Reading JSON Schema as the registry writes it (pydantic's): references, optional fields, unions. */

import { without } from './json-path'

export type Schema = Record<string, unknown>

const isObject = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value)

/** A schema with its reference followed; what stands beside the reference (title, description, default) goes first. */
export function resolved(schema: Schema, root: Schema): Schema {
  let here = schema
  for (let depth = 0; typeof here.$ref === 'string' && depth < 20; depth++) {
    const { $ref, ...beside } = here
    const target = String($ref).replace(/^#\//, '').split('/').reduce<unknown>((at, part) => (isObject(at) ? at[part] : undefined), root)
    here = isObject(target) ? { ...target, ...beside } : beside
  }
  return here
}

/** The alternatives of a union as they are written. */
export const unionOf = (schema: Schema): Schema[] => ((Array.isArray(schema.anyOf) ? schema.anyOf : Array.isArray(schema.oneOf) ? schema.oneOf : []) as unknown[]).filter(isObject)

/** What a value may be, null left out: the alternatives of a union, or the schema itself. */
export function alternatives(schema: Schema, root: Schema): Schema[] {
  const here = resolved(schema, root)
  const union = Array.isArray(here.anyOf) ? here.anyOf : Array.isArray(here.oneOf) ? here.oneOf : null
  if (!union) return here.type === 'null' ? [] : [here]
  const beside = without(here, 'anyOf', 'oneOf', 'discriminator')
  return union.filter(isObject).flatMap((each) => alternatives(each, root)).map((each) => ({ ...each, ...beside, ...(each.title && !here.title ? { title: each.title } : {}) }))
}

/** The one alternative of an optional field, so that `X | null` is drawn as X. */
export function single(schema: Schema, root: Schema): Schema {
  const all = alternatives(schema, root)
  return all.length === 1 && all[0] ? all[0] : resolved(schema, root)
}

export const propertiesOf = (schema: Schema): [string, Schema][] => (isObject(schema.properties) ? (Object.entries(schema.properties).filter(([, each]) => isObject(each)) as [string, Schema][]) : [])

export const requiredOf = (schema: Schema): string[] => (Array.isArray(schema.required) ? schema.required.filter((each): each is string => typeof each === 'string') : [])

/** A field's name for people: its title when somebody gave one, else its name in words. pydantic's own titles say no more than the name. */
export function labelOf(name: string, schema: Schema): string {
  const words = name.replaceAll('_', ' ').replace(/([a-z])([A-Z])/g, '$1 $2')
  const own = words.charAt(0).toUpperCase() + words.slice(1)
  const title = typeof schema.title === 'string' ? schema.title : ''
  const made = words.split(' ').map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(' ')
  if (title && title !== made && !/Config$/.test(title)) return title
  return own.replace(/\burl\b/i, 'URL').replace(/\bid\b/i, 'id')
}
