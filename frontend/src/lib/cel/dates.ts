/** Functions of times. A time is a timestamp or RFC 3339 text; a zone is UTC where none is given. */
import { define } from './define'
import { formatTime, parseTime } from './patterns'
import { bounded, fromWall, utc, wallOf } from './zones'

type Time = Date | string
const EXACT: Record<string, number> = { milliseconds: 1, seconds: 1000, minutes: 60_000, hours: 3_600_000 }
const CALENDAR = ['years', 'months', 'weeks', 'days']
const TEXT = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?([Zz]|[+-]\d\d:\d\d)?)?$/

/** The instant that a timestamp is or RFC 3339 text names. Throws. */
export function instant(value: Time): Date {
  if (value instanceof Date) return value
  const found = TEXT.exec(value)
  if (!found) throw new Error('the text is not a time such as 2026-11-24T14:30:00Z')
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '0', offset] = found
  const local = utc(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second), Number(fraction.slice(0, 3).padEnd(3, '0')))
  if (!offset || /^z$/i.test(offset)) return local
  const shift = (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(4))) * 60_000
  return bounded(new Date(local.getTime() + (offset.startsWith('+') ? -shift : shift)))
}

function unitOf(name: string): string {
  const unit = name.endsWith('s') ? name : `${name}s`
  if (unit in EXACT || CALENDAR.includes(unit)) return unit
  throw new Error(`'${name.slice(0, 30)}' is no unit; there are: years, months, weeks, days, hours, minutes, seconds, milliseconds`)
}

const daysIn = (year: number, month: number): number => new Date(Date.UTC(2000 + (((year % 400) + 400) % 400), month + 1, 0)).getUTCDate()

function monthsLater(wall: Date, months: number): Date {
  const index = wall.getUTCFullYear() * 12 + wall.getUTCMonth() + months
  const [year, month] = [Math.floor(index / 12), ((index % 12) + 12) % 12]
  const moved = new Date(wall)
  moved.setUTCFullYear(year, month, Math.min(wall.getUTCDate(), daysIn(year, month)))
  return bounded(moved)
}

function add(value: Time, count: bigint, name: string, zone = 'UTC'): Date {
  const unit = unitOf(name)
  const many = Number(count)
  if (unit in EXACT) return bounded(new Date(instant(value).getTime() + many * (EXACT[unit] ?? 0)))
  const wall = wallOf(instant(value), zone)
  if (unit === 'years' || unit === 'months') return fromWall(monthsLater(wall, many * (unit === 'years' ? 12 : 1)), zone)
  return fromWall(bounded(new Date(wall.getTime() + many * (unit === 'weeks' ? 7 : 1) * 86_400_000)), zone)
}

function startOf(value: Time, name: string, zone = 'UTC'): Date {
  const unit = unitOf(name)
  const wall = wallOf(instant(value), zone)
  if (unit === 'milliseconds') return instant(value)
  const keep = { years: 1, months: 2, weeks: 3, days: 3, hours: 4, minutes: 5, seconds: 6 }[unit] ?? 6
  const parts = [wall.getUTCFullYear(), wall.getUTCMonth(), wall.getUTCDate(), wall.getUTCHours(), wall.getUTCMinutes(), wall.getUTCSeconds()]
  const [year = 1, month = 0, day = 1, hour = 0, minute = 0, second = 0] = parts.map((part, at) => (at < keep ? part : ([1, 0, 1, 0, 0, 0][at] ?? 0)))
  const start = utc(year, month, day, hour, minute, second)
  if (unit === 'weeks') start.setUTCDate(start.getUTCDate() - ((start.getUTCDay() + 6) % 7))
  return fromWall(start, zone)
}

function difference(later: Time, earlier: Time, name: string): bigint {
  const unit = unitOf(name)
  const [end, start] = [instant(later), instant(earlier)]
  if (unit === 'years' || unit === 'months') {
    let months = (end.getUTCFullYear() - start.getUTCFullYear()) * 12 + end.getUTCMonth() - start.getUTCMonth()
    const moved = monthsLater(start, months)
    if (months > 0 && moved > end) months -= 1
    else if (months < 0 && moved < end) months += 1
    return BigInt(Math.trunc(unit === 'years' ? months / 12 : months))
  }
  const per = { weeks: 604_800_000, days: 86_400_000 }[unit] ?? EXACT[unit] ?? 1
  return BigInt(Math.trunc((end.getTime() - start.getTime()) / per))
}

const weekday = (value: Time, zone = 'UTC'): bigint => BigInt(((wallOf(instant(value), zone).getUTCDay() + 6) % 7) + 1)

function week(value: Time, zone = 'UTC'): bigint {
  const wall = wallOf(instant(value), zone)
  const thursday = utc(wall.getUTCFullYear(), wall.getUTCMonth(), wall.getUTCDate())
  thursday.setUTCDate(thursday.getUTCDate() + 3 - ((thursday.getUTCDay() + 6) % 7))
  const first = Date.UTC(thursday.getUTCFullYear(), 0, 1)
  return BigInt(Math.floor((thursday.getTime() - first) / 604_800_000) + 1)
}

const fromMillis = (millis: number): Date => bounded(new Date(Math.round(millis)))

define('date.format', {
  'time, string': (value: Time, pattern: string) => formatTime(instant(value), pattern, 'UTC'),
  'time, string, string': (value: Time, pattern: string, zone: string) => formatTime(instant(value), pattern, zone),
})
define('date.parse', { 'string, string': (text: string, pattern: string) => parseTime(text, pattern, 'UTC'), 'string, string, string': parseTime })
define('date.add', { 'time, int, string': add, 'time, int, string, string': add })
define('date.startOf', { 'time, string': startOf, 'time, string, string': startOf })
define('date.diff', { 'time, time, string': difference })
define('date.unix', { time: (value: Time) => BigInt(Math.floor(instant(value).getTime() / 1000)) })
define('date.unixMillis', { time: (value: Time) => BigInt(instant(value).getTime()) })
define('date.fromUnix', { number: (value: bigint | number) => fromMillis(Number(value) * 1000) })
define('date.fromUnixMillis', { number: (value: bigint | number) => fromMillis(Number(value)) })
define('date.weekday', { time: weekday, 'time, string': weekday })
define('date.week', { time: week, 'time, string': week })
