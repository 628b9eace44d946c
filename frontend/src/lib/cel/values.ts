/** The values of expressions: which kind they are, when they are equal, how they are ordered, and their way from and to JSON. */
import { Duration, UnsignedInt } from '@marcbachmann/cel-js/evaluator'
import { compareText, encodeJson, sorted } from './json'

export type Kind = 'string' | 'int' | 'double' | 'bool' | 'null' | 'bytes' | 'timestamp' | 'duration' | 'list' | 'map' | 'uint' | 'other'

export const isMap = (value: unknown): value is Record<string, unknown> | Map<unknown, unknown> =>
  value instanceof Map || (typeof value === 'object' && value !== null && [undefined, Object].includes((value as { constructor?: ObjectConstructor }).constructor))

export function kindOf(value: unknown): Kind {
  if (value === null) return 'null'
  switch (typeof value) {
    case 'string':
      return 'string'
    case 'bigint':
      return 'int'
    case 'number':
      return 'double'
    case 'boolean':
      return 'bool'
  }
  if (Array.isArray(value)) return 'list'
  if (value instanceof Uint8Array) return 'bytes'
  if (value instanceof Date) return 'timestamp'
  if (value instanceof Duration) return 'duration'
  if (value instanceof UnsignedInt) return 'uint'
  return isMap(value) ? 'map' : 'other'
}

const WORDS: Record<Kind, string> = {
  string: 'a string', int: 'a number', double: 'a number', bool: 'a boolean', null: 'null', bytes: 'bytes', timestamp: 'a timestamp',
  duration: 'a duration', list: 'a list', map: 'an object', uint: 'a number', other: 'no JSON value',
}

/** The kind in words, numbers as one. */
export const describe = (value: unknown): string => WORDS[kindOf(value)]

/** Name and value of each entry, names in order. */
export function entriesOf(value: unknown): [string, unknown][] {
  const entries = value instanceof Map ? [...(value as Map<string, unknown>).entries()] : Object.entries(value as Record<string, unknown>)
  return entries.sort(([left], [right]) => compareText(String(left), String(right)))
}

export const objectOf = sorted

/** -1, 0 or 1 for two numbers, strings or booleans. Throws for what has no order. */
export function compare(left: unknown, right: unknown): number {
  const kinds = [describe(left), describe(right)]
  if (kinds[0] !== kinds[1] || !['a number', 'a string', 'a boolean'].includes(kinds[0] ?? '')) throw new Error(`${kinds[0]} and ${kinds[1]} have no order`)
  if (typeof left === 'string') return Math.sign(compareText(left, right as string))
  const [a, b] = [left as number, right as number]
  return a < b ? -1 : a > b ? 1 : 0
}

/** The same text for values that are equal: 1 and 1.0 are, 1 and true are not. */
export function identity(value: unknown): string {
  switch (kindOf(value)) {
    case 'double':
      return Number.isInteger(value) ? String(BigInt(value as number)) : String(value)
    case 'list':
      return `[${(value as unknown[]).map(identity).join(',')}]`
    case 'map':
      return `{${entriesOf(value).map(([name, inner]) => `${JSON.stringify(name)}:${identity(inner)}`).join(',')}}`
    case 'int':
    case 'bool':
    case 'null':
    case 'uint':
      return String(value)
    case 'string':
      return JSON.stringify(value)
    default:
      return `${kindOf(value)} ${encodeJson(toJson(value))}`
  }
}

/** A JSON value as `JSON.parse` gives it. Whole numbers are taken for integers: which of them were doubles is lost by then (`parseJson` keeps it). */
export function fromJson(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value
  if (Array.isArray(value)) return value.map(fromJson)
  if (typeof value === 'object' && value !== null) return sorted(Object.entries(value).map(([name, inner]): [string, unknown] => [name, fromJson(inner)]))
  return value
}

/** RFC 3339 in UTC, milliseconds only where there are some. */
export const timestampText = (value: Date): string => value.toISOString().replace('.000Z', 'Z')

/** Seconds, exact to the microsecond: 90s, 1.5s. */
export function durationText(value: Duration): string {
  const micros = value.seconds * 1_000_000n + BigInt(Math.trunc(value.nanos / 1000))
  const size = micros < 0n ? -micros : micros
  const fraction = String(size % 1_000_000n).padStart(6, '0').replace(/0+$/, '')
  return `${micros < 0n ? '-' : ''}${size / 1_000_000n}${fraction ? `.${fraction}` : ''}s`
}

export const toBase64 = (bytes: Uint8Array): string => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))

/** The value with times, durations and bytes as text, as it stands in an execution. Throws for what JSON has no form for. */
export function toJson(value: unknown): unknown {
  switch (kindOf(value)) {
    case 'timestamp':
      return timestampText(value as Date)
    case 'duration':
      return durationText(value as Duration)
    case 'bytes':
      return toBase64(value as Uint8Array)
    case 'uint':
      return (value as UnsignedInt).value
    case 'double':
      if (!Number.isFinite(value)) throw new Error('the result is not a finite number')
      return value
    case 'list':
      return (value as unknown[]).map(toJson)
    case 'map':
      return sorted(
        entriesOf(value).map(([name, inner]): [string, unknown] => {
          if (typeof name !== 'string') throw new Error("an object's name must be a string")
          return [name, toJson(inner)]
        }),
      )
    case 'other':
      throw new Error('the result is no JSON value; an optional ends with .orValue(…)')
    default:
      return value
  }
}
