/** Times in zones. A wall clock is a Date whose UTC fields are what a clock on the wall shows. */

const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known) return known
  try {
    const made = new Intl.DateTimeFormat('en-US', {
      timeZone: zone, hourCycle: 'h23', era: 'short',
      year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
    })
    formats.set(zone, made)
    return made
  } catch {
    throw new Error(`there is no time zone '${zone.slice(0, 60)}'; a name looks like Europe/Berlin`)
  }
}

/** A moment outside the years 1 to 9999 is an error. */
export function bounded(value: Date): Date {
  const year = value.getUTCFullYear()
  if (!(year >= 1 && year <= 9999)) throw new Error('the time is outside the years 1 to 9999')
  return value
}

/** How far a zone's clocks are ahead of UTC at an instant, in milliseconds. */
export function offsetAt(instant: Date, zone: string): number {
  if (zone === 'UTC') return 0
  const fixed = /^([+-])(\d\d):(\d\d)$/.exec(zone)
  if (fixed) return (fixed[1] === '-' ? -1 : 1) * (Number(fixed[2]) * 60 + Number(fixed[3])) * 60_000
  const parts = new Map(formatOf(zone).formatToParts(instant).map(({ type, value }) => [type, Number(value)]))
  const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0
  const wall = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
  return wall - Math.floor(instant.getTime() / 1000) * 1000
}

/** What clocks in the zone show at an instant. */
export const wallOf = (instant: Date, zone: string): Date => bounded(new Date(instant.getTime() + offsetAt(instant, zone)))

/** The instant at which clocks in the zone show this; the first of two, and of none the one that the change moves on to. */
export function fromWall(wall: Date, zone: string): Date {
  const day = 86_400_000
  const before = offsetAt(new Date(wall.getTime() - day), zone)
  const after = offsetAt(new Date(wall.getTime() + day), zone)
  const first = new Date(wall.getTime() - before)
  if (offsetAt(first, zone) === before) return bounded(first)
  const second = new Date(wall.getTime() - after)
  return bounded(offsetAt(second, zone) === after ? second : first)
}

/** UTC fields as an instant, years below 100 included. Throws for a day that does not exist. */
export function utc(year: number, month: number, day: number, hour = 0, minute = 0, second = 0, milli = 0): Date {
  const made = new Date(0)
  made.setUTCFullYear(year, month, day)
  made.setUTCHours(hour, minute, second, milli)
  const same = made.getUTCMonth() === month && made.getUTCDate() === day && made.getUTCHours() === hour && made.getUTCMinutes() === minute && made.getUTCSeconds() === second
  if (!same || year < 1) throw new Error('the text names no time that exists')
  return made
}
