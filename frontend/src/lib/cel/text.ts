/** Functions of strings. Positions count code points. */
import { method } from './define'

const MOST = 100_000
const chars = (text: string): string[] => Array.from(text)

function bounded(length: bigint | number): number {
  if (length < 0 || length > MOST) throw new Error(`a length must be between 0 and ${MOST}, not ${length}`)
  return Number(length)
}

function padding(text: string, length: bigint, fill: string): string {
  if (!fill) throw new Error('the fill of a padding must not be empty')
  const missing = bounded(length) - chars(text).length
  if (missing <= 0) return ''
  const source = chars(fill)
  return Array.from({ length: missing }, (_, at) => source[at % source.length]).join('')
}

const capital = (text: string): string => {
  const [first = '', ...rest] = chars(text)
  return first.toUpperCase() + rest.join('').toLowerCase()
}

function truncate(text: string, length: bigint, end = '…'): string {
  const all = chars(text)
  const most = bounded(length)
  if (all.length <= most) return text
  const mark = chars(end)
  return all.slice(0, Math.max(0, most - mark.length)).join('') + mark.slice(0, most).join('')
}

function slug(text: string): string {
  return text.normalize('NFKD').replace(/[\u0300-\u036f]/g, '').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '')
}

function times(text: string, count: bigint): string {
  bounded(count)
  bounded(chars(text).length * Number(count))
  return text.repeat(Number(count))
}

function count(text: string, part: string): bigint {
  if (!part) throw new Error('an empty string cannot be counted')
  return BigInt(text.split(part).length - 1)
}

method('lower', { string: (s: string) => s.toLowerCase() })
method('upper', { string: (s: string) => s.toUpperCase() })
method('capitalize', { string: capital })
method('title', { string: (s: string) => s.replace(/\S+/g, capital) })
method('padStart', {
  'string, int': (s: string, n: bigint) => padding(s, n, ' ') + s,
  'string, int, string': (s: string, n: bigint, fill: string) => padding(s, n, fill) + s,
})
method('padEnd', {
  'string, int': (s: string, n: bigint) => s + padding(s, n, ' '),
  'string, int, string': (s: string, n: bigint, fill: string) => s + padding(s, n, fill),
})
method('repeat', { 'string, int': times })
method('truncate', { 'string, int': truncate, 'string, int, string': truncate })
method('slug', { string: slug })
method('words', { string: (s: string) => s.match(/[^ \t\r\n]+/g) ?? [] })
method('lines', { string: (s: string) => s.split(/\r\n|\n|\r/) })
method('removePrefix', { 'string, string': (s: string, start: string) => (s.startsWith(start) ? s.slice(start.length) : s) })
method('removeSuffix', { 'string, string': (s: string, end: string) => (end && s.endsWith(end) ? s.slice(0, -end.length) : s) })
method('before', { 'string, string': (s: string, mark: string) => (mark && s.includes(mark) ? s.slice(0, s.indexOf(mark)) : s) })
method('after', { 'string, string': (s: string, mark: string) => (!mark ? s : s.includes(mark) ? s.slice(s.indexOf(mark) + mark.length) : '') })
method('count', { 'string, string': count })
