import { Text } from '@mantine/core'
import { readCron } from '@/lib/cron'
import { clockIn, formatRelative, localZone } from '@/lib/time'
import { useNow } from '@/lib/use-now'
import classes from './cron-preview.module.css'

/** What a cron expression means: in words, and its next instants in the reader's zone, beside those of the schedule's own where they differ. */
export default function CronPreview({ cron, timezone }: { cron: string; timezone: string }) {
  const now = useNow(10_000)
  const reading = readCron(cron, timezone, new Date(now))
  if (!reading) {
    return (
      <Text size="xs" c="dimmed" mt={6}>
        No preview for this expression; it is checked when you save.
      </Text>
    )
  }
  const elsewhere = timezone !== localZone()
  return (
    <div className={classes.preview} data-testid="cron-preview">
      <strong>{reading.words}</strong>
      <div className={classes.title}>Next runs, in your time ({localZone()})</div>
      <ol className={classes.next} data-testid="cron-next">
        {reading.next.map((at) => (
          <li key={at.getTime()}>
            <time dateTime={at.toISOString()}>{clockIn(at.getTime(), localZone())}</time>
            <span>{formatRelative(at.getTime(), now)}</span>
            {elsewhere ? <span>{`${clockIn(at.getTime(), timezone)} in ${timezone}`}</span> : null}
          </li>
        ))}
      </ol>
    </div>
  )
}
