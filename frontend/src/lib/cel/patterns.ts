/** Times as text by a pattern such as `yyyy-MM-dd HH:mm`, and back. */
import { bounded, fromWall, offsetAt, utc, wallOf } from './zones'

const MONTHS = 'January February March April May June July August September October November December'.split(' ')
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')
const two = (value: number): string => String(value).padStart(2, '0')
const half = (hour: number): number => ((hour + 11) % 12) + 1

function offsetText(offset: number): string {
  if (offset === 0) return 'Z'
  const minutes = Math.floor(Math.abs(offset) / 60_000)
  return `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

const WRITERS: Record<string, (wall: Date, offset: number) => string> = {
  yyyy: (t) => String(t.getUTCFullYear()).padStart(4, '0'),
  yy: (t) => two(t.getUTCFullYear() % 100),
  MMMM: (t) => MONTHS[t.getUTCMonth()] ?? '',
  MMM: (t) => (MONTHS[t.getUTCMonth()] ?? '').slice(0, 3),
  MM: (t) => two(t.getUTCMonth() + 1),
  M: (t) => String(t.getUTCMonth() + 1),
  dd: (t) => two(t.getUTCDate()),
  d: (t) => String(t.getUTCDate()),
  EEEE: (t) => DAYS[t.getUTCDay()] ?? '',
  EEE: (t) => (DAYS[t.getUTCDay()] ?? '').slice(0, 3),
  HH: (t) => two(t.getUTCHours()),
  H: (t) => String(t.getUTCHours()),
  hh: (t) => two(half(t.getUTCHours())),
  h: (t) => String(half(t.getUTCHours())),
  mm: (t) => two(t.getUTCMinutes()),
  m: (t) => String(t.getUTCMinutes()),
  ss: (t) => two(t.getUTCSeconds()),
  s: (t) => String(t.getUTCSeconds()),
  SSS: (t) => String(t.getUTCMilliseconds()).padStart(3, '0'),
  a: (t) => (t.getUTCHours() < 12 ? 'AM' : 'PM'),
  XXX: (_, offset) => offsetText(offset),
}

interface Piece {
  token: boolean
  text: string
}

function piecesOf(pattern: string): Piece[] {
  if (Array.from(pattern).length > 200) throw new Error('a pattern has at most 200 characters')
  const found: Piece[] = []
  const next = /'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+/y
  while (next.lastIndex < pattern.length) {
    const piece = next.exec(pattern)
    if (!piece) throw new Error('a quote in the pattern is not closed')
    const text = piece[1] === undefined ? piece[0] : piece[1].replace(/''/g, "'") || "'"
    if (piece[2] !== undefined && !(piece[0] in WRITERS)) {
      throw new Error(`'${piece[0]}' means nothing in a pattern; there are: ${Object.keys(WRITERS).join(' ')}; put text in single quotes`)
    }
    found.push({ token: piece[2] !== undefined, text })
  }
  return found
}

/** Throws for a pattern or a zone that is none. */
export function formatTime(instant: Date, pattern: string, zone: string): string {
  const wall = wallOf(instant, zone)
  const offset = offsetAt(instant, zone)
  return piecesOf(pattern)
    .map(({ token, text }) => (token ? (WRITERS[text]?.(wall, offset) ?? '') : text))
    .join('')
}

const READERS: Record<string, string> = {
  yyyy: '(?<year>\\d{4})', MM: '(?<month>\\d\\d)', M: '(?<month>\\d{1,2})', dd: '(?<day>\\d\\d)', d: '(?<day>\\d{1,2})',
  HH: '(?<hour>\\d\\d)', H: '(?<hour>\\d{1,2})', hh: '(?<half>\\d\\d)', h: '(?<half>\\d{1,2})', a: '(?<noon>[AaPp][Mm])',
  mm: '(?<minute>\\d\\d)', m: '(?<minute>\\d{1,2})', ss: '(?<second>\\d\\d)', s: '(?<second>\\d{1,2})', SSS: '(?<milli>\\d{3})',
  MMMM: `(?<name>${MONTHS.join('|')})`, MMM: `(?<name>${MONTHS.map((month) => month.slice(0, 3)).join('|')})`, XXX: '(?<offset>[Zz]|[+-]\\d\\d:\\d\\d)',
}

/** The time that text names by a pattern, in a zone unless the text has an offset. Throws. */
export function parseTime(text: string, pattern: string, zone: string): Date {
  const source = piecesOf(pattern).map(({ token, text: piece }) => {
    if (!token) return piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    if (!READERS[piece]) throw new Error(`'${piece}' can be written but not read`)
    return READERS[piece]
  })
  let reader: RegExp
  try {
    reader = new RegExp(`^${source.join('')}$`)
  } catch {
    throw new Error('a part of a time stands twice in the pattern')
  }
  const parts = reader.exec(text)?.groups ?? (source.length === 0 && text === '' ? {} : undefined)
  if (!parts && !reader.test(text)) throw new Error(`the text does not look like ${pattern}`)
  return assembled(parts ?? {}, zone)
}

function assembled(parts: Record<string, string | undefined>, zone: string): Date {
  if (parts.year === undefined) throw new Error('the pattern names no year (yyyy)')
  const named = parts.name === undefined ? -1 : MONTHS.findIndex((month) => month.startsWith(parts.name ?? ''))
  const number = (name: string, otherwise: number): number => Number(parts[name] ?? otherwise)
  const afternoon = parts.noon?.toLowerCase() === 'pm' ? 12 : 0
  const hour = parts.half === undefined ? number('hour', 0) : (Number(parts.half) % 12) + afternoon
  const month = named >= 0 ? named : number('month', 1) - 1
  const wall = utc(Number(parts.year), month, number('day', 1), hour, number('minute', 0), number('second', 0), number('milli', 0))
  if (parts.offset === undefined) return fromWall(wall, zone)
  if (/^z$/i.test(parts.offset)) return wall
  const shift = (Number(parts.offset.slice(1, 3)) * 60 + Number(parts.offset.slice(4))) * 60_000
  return bounded(new Date(wall.getTime() + (parts.offset.startsWith('+') ? -shift : shift)))
}
