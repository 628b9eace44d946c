/** Fields of which one is given (`x-one-of`), and those that only go with some of them (`x-with`). Pure. */
import { propertiesOf, type Schema } from '@/lib/schema'
import { without } from '@/lib/json-path'

const namesIn = (value: unknown): string[] => (Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : [])

export const choiceIn = (schema: Schema): string[] => namesIn(schema['x-one-of']).filter((name) => propertiesOf(schema).some(([known]) => known === name))

/** The field that was chosen: the one with a value, else what somebody asked for, else the first. */
export function chosenOf(choice: readonly string[], value: Record<string, unknown>, wanted: string | null): string | null {
  const present = choice.filter((name) => value[name] !== undefined && value[name] !== null)
  if (wanted !== null && (present.length === 0 || present.includes(wanted))) return wanted
  return present[0] ?? choice[0] ?? null
}

export function isVisible(schema: Schema, chosen: string | null): boolean {
  const only = namesIn(schema['x-with'])
  return only.length === 0 || chosen === null || only.includes(chosen)
}

/** The value with another field chosen: what does not go with it is taken out, and put back from what was kept. */
export function choose(value: Record<string, unknown>, schema: Schema, to: string, kept: Record<string, unknown>): Record<string, unknown> {
  const choice = choiceIn(schema)
  const fits = ([name, each]: [string, Schema]) => (choice.includes(name) ? name === to : isVisible(each, to))
  const bound = propertiesOf(schema).filter(([name, each]) => choice.includes(name) || each['x-with'] !== undefined)
  const gone = bound.filter((each) => !fits(each)).map(([name]) => name)
  const back = bound.filter((each) => fits(each)).flatMap(([name]) => (value[name] === undefined && kept[name] !== undefined ? [[name, kept[name]] as const] : []))
  return { ...without(value, ...gone), ...Object.fromEntries(back) }
}
