import { Tooltip } from '@mantine/core'
import { formatClock, formatDuration, formatExact, formatRelative, formatWake, instant } from '@/lib/time'
import { useNow } from '@/lib/use-now'

/** An instant as "3 min ago", exact on hover. `clock` shows the time of day instead. */
export function RelativeTime({ at, clock = false, none = '–' }: { at: string | null | undefined; clock?: boolean; none?: string }) {
  const time = instant(at)
  const near = time !== null && Math.abs(time - Date.now()) < 90_000
  const now = useNow(near ? 1000 : 15_000, time !== null)
  if (time === null) return <span className="mr-dim">{none}</span>
  return (
    <Tooltip label={formatExact(time)}>
      <time dateTime={at ?? undefined} className="mr-num">
        {clock ? formatClock(time, now) : formatRelative(time, now)}
      </time>
    </Tooltip>
  )
}

/** "wakes at 14:32, in 3 min", counting. */
export function WakeTime({ at }: { at: string }) {
  const now = useNow()
  const time = instant(at)
  if (time === null) return null
  return (
    <Tooltip label={formatExact(time)}>
      <time dateTime={at} className="mr-num" data-testid="wake-time">
        {formatWake(time, now)}
      </time>
    </Tooltip>
  )
}

/** How long something took; counts up while it has not ended. */
export function Duration({ from, to, none = '–' }: { from: string | null | undefined; to: string | null | undefined; none?: string }) {
  const start = instant(from)
  const end = instant(to)
  const now = useNow(1000, start !== null && end === null)
  if (start === null) return <span className="mr-dim">{none}</span>
  return <span className="mr-num">{formatDuration((end ?? now) - start)}</span>
}
