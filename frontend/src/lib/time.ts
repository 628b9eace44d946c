/** Instants and durations in the words the app uses. Times come from the API as RFC 3339 UTC and are shown in the reader's zone. */

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const two = (value: number): string => String(value).padStart(2, '0')

/** "342 ms", "4.2 s", "3 min 12 s", "2 h 5 min", "3 d 4 h". Negative lengths count as none. */
export function formatDuration(milliseconds: number): string {
  const ms = Math.max(0, milliseconds)
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 9.95 * SECOND) return `${(ms / SECOND).toFixed(1)} s`
  const seconds = Math.round(ms / SECOND)
  if (seconds < 60) return `${seconds} s`
  const [big, bigUnit, small, smallUnit] =
    seconds < 3600
      ? [Math.floor(seconds / 60), 'min', seconds % 60, 's']
      : seconds < 86_400
        ? [Math.floor(seconds / 3600), 'h', Math.floor((seconds % 3600) / 60), 'min']
        : [Math.floor(seconds / 86_400), 'd', Math.floor((seconds % 86_400) / 3600), 'h']
  return small > 0 ? `${big} ${bigUnit} ${small} ${smallUnit}` : `${big} ${bigUnit}`
}

/** How far an instant is from now, coarsely: "just now", "12 s ago", "in 3 min", "5 d ago". */
export function formatRelative(at: number, now: number): string {
  const distance = Math.abs(at - now)
  if (distance < 1.5 * SECOND) return at > now ? 'in a moment' : 'just now'
  const amount =
    distance < MINUTE
      ? `${Math.round(distance / SECOND)} s`
      : distance < HOUR
        ? `${Math.round(distance / MINUTE)} min`
        : distance < DAY
          ? `${Math.round(distance / HOUR)} h`
          : `${Math.round(distance / DAY)} d`
  return at > now ? `in ${amount}` : `${amount} ago`
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** The shortest wall-clock time that is plain: "14:32" today, "24 Nov, 14:32" this year, else with the year. */
export function formatClock(at: number, now: number): string {
  const date = new Date(at)
  const today = new Date(now)
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`
  if (date.toDateString() === today.toDateString()) return clock
  const day = `${date.getDate()} ${MONTHS[date.getMonth()]}`
  return date.getFullYear() === today.getFullYear() ? `${day}, ${clock}` : `${day} ${date.getFullYear()}, ${clock}`
}

/** Day and time of day as the clocks of a zone show them: "Tue 24 Nov, 14:32". */
export function clockIn(at: number, zone: string): string {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone: zone, weekday: 'short', day: 'numeric', month: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).formatToParts(at)
  const part = (type: string) => parts.find((each) => each.type === type)?.value ?? ''
  return `${part('weekday')} ${part('day')} ${MONTHS[Number(part('month')) - 1]}, ${part('hour')}:${part('minute')}`
}

/** Everything: "2026-11-23 14:32:05.120 (Europe/Berlin)". */
export function formatExact(at: number): string {
  const date = new Date(at)
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`
  return `${day} ${clock} (${localZone()})`
}

/** Names that browsers still give, by which nobody looks for these zones any more. */
const RENAMED: Record<string, string> = {
  'America/Buenos_Aires': 'America/Argentina/Buenos_Aires', 'America/Godthab': 'America/Nuuk', 'Asia/Calcutta': 'Asia/Kolkata', 'Asia/Katmandu': 'Asia/Kathmandu',
  'Asia/Rangoon': 'Asia/Yangon', 'Asia/Saigon': 'Asia/Ho_Chi_Minh', 'Atlantic/Faeroe': 'Atlantic/Faroe', 'Europe/Kiev': 'Europe/Kyiv',
}

/** A zone by its name of today. */
export const zoneNow = (zone: string): string => RENAMED[zone] ?? zone

export const localZone = (): string => zoneNow(Intl.DateTimeFormat().resolvedOptions().timeZone)

/** "wakes at 14:32, in 3 min"; once the moment has passed, "is waking up". */
export function formatWake(at: number, now: number): string {
  return at <= now ? 'is waking up' : `wakes at ${formatClock(at, now)}, ${formatRelative(at, now)}`
}

/** Milliseconds of an RFC 3339 text, null for none. */
export function instant(text: string | null | undefined): number | null {
  if (!text) return null
  const at = Date.parse(text)
  return Number.isNaN(at) ? null : at
}

/** How long something took or has taken so far; null when it has not started. */
export function elapsed(from: string | null | undefined, to: string | null | undefined, now: number): number | null {
  const start = instant(from)
  return start === null ? null : (instant(to) ?? now) - start
}

/** An instant as a field of the browser for date and time takes it: in the reader's zone, to the minute. */
export function toLocalField(at: string | undefined): string {
  const date = at === undefined ? null : new Date(at)
  if (date === null || Number.isNaN(date.getTime())) return ''
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`
}

/** The other way; undefined for an empty field. */
export const fromLocalField = (text: string): string | undefined => (text === '' || Number.isNaN(Date.parse(text)) ? undefined : new Date(text).toISOString())

/** "14:00 to 15:00", "since 14:00", "before 24 Nov, 15:00"; null without either. */
export function spanWords(from: string | undefined, to: string | undefined, now: number): string | null {
  const [start, end] = [instant(from), instant(to)]
  if (start !== null && end !== null) return `${formatClock(start, now)} to ${formatClock(end, now)}`
  if (start !== null) return `since ${formatClock(start, now)}`
  return end === null ? null : `before ${formatClock(end, now)}`
}
