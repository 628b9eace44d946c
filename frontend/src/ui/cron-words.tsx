import { readCron } from '@/lib/cron'

/** A cron expression as a sentence; nothing when there is none for it. */
export default function CronWords({ cron, timezone }: { cron: string; timezone: string }) {
  const reading = readCron(cron, timezone, new Date())
  return reading ? <span className="mr-dim">{reading.words}</span> : null
}
