/** `'%s: %.2f'.format([…])`. */
import { doubleText } from './json'
import { compareText } from './json'
import { describe, durationText, entriesOf, kindOf, timestampText } from './values'
import type { Duration } from '@marcbachmann/cel-js/evaluator'

/** A value as %s shows it. */
function shown(value: unknown): string {
  switch (kindOf(value)) {
    case 'string':
      return value as string
    case 'double':
      return doubleText(value as number).replace(/\.0$/, '')
    case 'list':
      return `[${(value as unknown[]).map(shown).join(', ')}]`
    case 'map':
      return `{${entriesOf(value).sort(([a], [b]) => compareText(a, b)).map(([name, inner]) => `${name}: ${shown(inner)}`).join(', ')}}`
    case 'timestamp':
      return timestampText(value as Date)
    case 'duration':
      return durationText(value as Duration)
    case 'bytes':
      return new TextDecoder().decode(value as Uint8Array)
    default:
      return String(value)
  }
}

function integer(value: unknown): bigint {
  if (typeof value === 'bigint') return value
  throw new Error(`a whole number is needed, not ${describe(value)}`)
}

function number(value: unknown): number {
  if (typeof value === 'bigint' || typeof value === 'number') return Number(value)
  throw new Error(`a number is needed, not ${describe(value)}`)
}

function hexadecimal(value: unknown): string {
  if (typeof value === 'string') return Array.from(new TextEncoder().encode(value), (byte) => byte.toString(16).padStart(2, '0')).join('')
  return integer(value).toString(16)
}

const clauses: Record<string, (value: unknown, places: number) => string> = {
  s: shown,
  d: (value) => (typeof value === 'number' ? shown(value) : String(integer(value))),
  f: (value, places) => number(value).toFixed(places),
  e: (value, places) => number(value).toExponential(places).replace(/e([+-])(\d)$/, 'e$10$2'),
  x: hexadecimal,
  X: (value) => hexadecimal(value).toUpperCase(),
  o: (value) => integer(value).toString(8),
  b: (value) => (typeof value === 'boolean' ? String(Number(value)) : integer(value).toString(2)),
}

/** Throws when there are fewer values than clauses, or of another kind. */
export function formatText(text: string, values: unknown[]): string {
  let next = 0
  return text.replace(/%(?:(%)|(?:\.(\d+))?([a-zA-Z]))|%/g, (whole: string, percent?: string, places?: string, kind?: string) => {
    if (percent) return '%'
    const clause = kind === undefined ? undefined : clauses[kind]
    if (!clause) throw new Error(`'${whole}' is no formatting clause`)
    if (next >= values.length) throw new Error('there are fewer values than formatting clauses')
    next += 1
    return clause(values[next - 1], places === undefined ? 6 : Number(places))
  })
}
