/** A cron expression in words and its next instants, worked out in the browser while one types. The server's own list is what counts once it is saved. */
import { Cron } from 'croner'
import cronstrue from 'cronstrue'

export interface CronReading {
  words: string
  next: Date[]
}

/** Null for what this reader does not understand; the server may still. */
export function readCron(cron: string, timezone: string, from: Date, count = 5): CronReading | null {
  try {
    const words = cronstrue.toString(cron.trim(), { use24HourTimeFormat: true, verbose: false })
    const next = new Cron(cron.trim(), { timezone, paused: true }).nextRuns(count, from)
    return { words, next }
  } catch {
    return null
  }
}
