/** The language's own functions, as the server has them: by code points, with zones, and with its rules of conversion. */
import type { Duration} from '@marcbachmann/cel-js/evaluator';
import { UnsignedInt } from '@marcbachmann/cel-js/evaluator'
import { instant } from './dates'
import { define, method } from './define'
import { decodeUtf8, utf8 } from './encodings'
import { formatText } from './format'
import { doubleText } from './json'
import { durationText, entriesOf, timestampText } from './values'
import { bounded, utc, wallOf } from './zones'

const chars = (text: string): string[] => Array.from(text)
const INT64 = 2n ** 63n
const SPACE = /^[\s\u0085]+|[\s\u0085]+$/g

const size = {
  string: (s: string) => BigInt(chars(s).length),
  bytes: (bytes: Uint8Array) => BigInt(bytes.length),
  list: (values: unknown[]) => BigInt(values.length),
  map: (value: unknown) => BigInt(entriesOf(value).length),
}

function at(text: string[], position: bigint): number {
  if (position < 0n || position > BigInt(text.length)) throw new Error(`there is no position ${position} in the string`)
  return Number(position)
}

function find(text: string, part: string, from: bigint): bigint {
  const [all, wanted] = [chars(text), chars(part)]
  for (let start = at(all, from); start + wanted.length <= all.length; start += 1) if (wanted.every((char, index) => all[start + index] === char)) return BigInt(start)
  return -1n
}

function findLast(text: string, part: string, from?: bigint): bigint {
  const [all, wanted] = [chars(text), chars(part)]
  const last = Math.min(from === undefined ? all.length : at(all, from), all.length - wanted.length)
  for (let start = last; start >= 0; start -= 1) if (wanted.every((char, index) => all[start + index] === char)) return BigInt(start)
  return -1n
}

function substring(text: string, start: bigint, end?: bigint): string {
  const all = chars(text)
  const [from, to] = [at(all, start), end === undefined ? all.length : at(all, end)]
  if (to < from) throw new Error('the end of the substring stands before its start')
  return all.slice(from, to).join('')
}

function split(text: string, separator: string, most = -1n): string[] {
  if (most === 0n) return []
  const parts = separator === '' ? chars(text) : text.split(separator)
  if (most < 0n || BigInt(parts.length) <= most) return parts
  return [...parts.slice(0, Number(most) - 1), parts.slice(Number(most) - 1).join(separator)]
}

function replace(text: string, old: string, by: string, most = -1n): string {
  if (most < 0n) return text.split(old).join(by)
  const parts = text.split(old)
  const changed = Math.min(Number(most), parts.length - 1)
  return parts.slice(0, changed + 1).join(by) + parts.slice(changed + 1).map((part) => old + part).join('')
}

function join(values: unknown[], separator = ''): string {
  if (values.some((value) => typeof value !== 'string')) throw new Error('only a list of strings can be joined')
  return values.join(separator)
}

function matches(text: string, pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(text)
  } catch {
    throw new Error('the regular expression is not valid')
  }
}

function toInt(text: string): bigint {
  if (!/^[+-]?\d+$/.test(text)) throw new Error('cannot convert string to int')
  const value = BigInt(text.replace('+', ''))
  if (value < -INT64 || value >= INT64) throw new Error('cannot convert string to int')
  return value
}

function whole(value: number): bigint {
  if (!Number.isFinite(value) || Math.abs(value) >= 2 ** 63) throw new Error('the double is out of the range of int')
  return BigInt(Math.trunc(value))
}

function toDouble(text: string): number {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) throw new Error('cannot convert string to double')
  return Number(text)
}

const TRUE = ['1', 't', 'true', 'TRUE', 'True']
const FALSE = ['0', 'f', 'false', 'FALSE', 'False']

function toBool(text: string): boolean {
  if (TRUE.includes(text)) return true
  if (FALSE.includes(text)) return false
  throw new Error('cannot convert string to bool')
}

function toTimestamp(text: string): Date {
  if (!/^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(text)) throw new Error('cannot convert string to timestamp')
  return instant(text)
}

const spanText = (value: Duration): string => durationText(value).replace(/\.(\d+)s$/, (_, digits: string) => `.${digits.padEnd(digits.length <= 3 ? 3 : 6, '0')}s`)
const doubleAsText = (value: number): string => doubleText(value).replace(/\.0$/, '')

define('size', size)
method('size', size)
define('string', {
  string: (s: string) => s, bool: String, int: String, uint: String, double: doubleAsText,
  bytes: (bytes: Uint8Array) => decodeUtf8(bytes, 'the bytes'), timestamp: timestampText, duration: spanText,
})
define('int', { int: (n: bigint) => n, uint: (n: UnsignedInt) => n.value, double: whole, string: toInt, timestamp: (t: Date) => BigInt(Math.floor(t.getTime() / 1000)) })
define('uint', { uint: (n: UnsignedInt) => n, int: (n: bigint) => new UnsignedInt(n), double: (n: number) => new UnsignedInt(whole(n)), string: (s: string) => new UnsignedInt(toInt(s)) })
define('double', { double: (n: number) => n, int: Number, uint: (n: UnsignedInt) => Number(n.value), string: toDouble })
define('bool', { bool: (b: boolean) => b, string: toBool })
define('bytes', { bytes: (bytes: Uint8Array) => bytes, string: utf8 })
define('timestamp', { timestamp: (t: Date) => t, string: toTimestamp, int: (n: bigint) => bounded(new Date(Number(n) * 1000)) })
define('matches', { 'string, string': matches })
define('strings.quote', { string: (s: string) => JSON.stringify(s) })
method('matches', { 'string, string': matches })
method('contains', { 'string, string': (s: string, part: string) => s.includes(part) })
method('startsWith', { 'string, string': (s: string, part: string) => s.startsWith(part) })
method('endsWith', { 'string, string': (s: string, part: string) => s.endsWith(part) })
method('charAt', { 'string, int': (s: string, position: bigint) => chars(s)[at(chars(s), position)] ?? '' })
method('indexOf', { 'string, string': (s: string, part: string) => find(s, part, 0n), 'string, string, int': find })
method('lastIndexOf', { 'string, string': findLast, 'string, string, int': findLast })
method('lowerAscii', { string: (s: string) => s.replace(/[A-Z]/g, (char) => char.toLowerCase()) })
method('upperAscii', { string: (s: string) => s.replace(/[a-z]/g, (char) => char.toUpperCase()) })
method('trim', { string: (s: string) => s.replace(SPACE, '') })
method('substring', { 'string, int': substring, 'string, int, int': substring })
method('split', { 'string, string': split, 'string, string, int': split })
method('replace', { 'string, string, string': replace, 'string, string, string, int': replace })
method('join', { list: join, 'list, string': join })
method('format', { 'string, list': formatText })

const PARTS: Record<string, (wall: Date) => number> = {
  getFullYear: (t) => t.getUTCFullYear(), getMonth: (t) => t.getUTCMonth(), getDate: (t) => t.getUTCDate(), getDayOfMonth: (t) => t.getUTCDate() - 1,
  getDayOfWeek: (t) => t.getUTCDay(), getHours: (t) => t.getUTCHours(), getMinutes: (t) => t.getUTCMinutes(), getSeconds: (t) => t.getUTCSeconds(),
  getDayOfYear: (t) => Math.floor((t.getTime() - utc(t.getUTCFullYear(), 0, 1).getTime()) / 86_400_000), getMilliseconds: (t) => t.getUTCMilliseconds(),
}
const SPANS: Record<string, (span: Duration) => bigint> = {
  getHours: (d) => d.seconds / 3600n, getMinutes: (d) => d.seconds / 60n, getSeconds: (d) => d.seconds, getMilliseconds: (d) => BigInt(Math.trunc(d.nanos / 1_000_000)),
}
for (const [name, read] of Object.entries(PARTS)) {
  const span = SPANS[name]
  method(name, {
    timestamp: (t: Date) => BigInt(read(t)),
    'timestamp, string': (t: Date, zone: string) => BigInt(read(wallOf(t, zone))),
    ...(span ? { duration: span } : {}),
  })
}
