import { Text } from '@mantine/core'
import { formatClock, formatRelative, localZone } from '@/lib/time'
import { useNow } from '@/lib/use-now'
import { readCron } from '@/lib/cron'

export default function CronPreview({ cron, timezone }: { cron: string; timezone: string }) {
  const now = useNow(10_000)
  const reading = readCron(cron, timezone, new Date(now))
  if (!reading) {
    return (
      <Text size="xs" c="dimmed">
        No preview for this expression; it is checked when you save.
      </Text>
    )
  }
  return (
    <div data-testid="cron-preview">
      <Text size="sm">{reading.words}</Text>
      <Text size="xs" c="dimmed">
        Next, in {localZone()}: {reading.next.map((at) => formatClock(at.getTime(), now)).join(' · ')}
        {reading.next[0] ? ` (${formatRelative(reading.next[0].getTime(), now)})` : ''}
      </Text>
    </div>
  )
}
