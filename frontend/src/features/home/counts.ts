/** Numbers for the cards, from lists of executions: the API has no counts yet, so a full page means "at least". */
import type { ExecutionSummary, Page } from '@/api/types'
import { instant } from '@/lib/time'

export const COUNTED = 200

export const countWords = (page: Page<unknown> | undefined): string => (page === undefined ? '' : page.next_cursor === null ? String(page.items.length) : `${page.items.length}+`)

/** Executions by hour over the last day, the newest last. Null when the page does not reach back the whole day. */
export function byHour(page: Page<ExecutionSummary> | undefined, now: number): number[] | null {
  if (page?.next_cursor !== null) return null
  const hours = new Array<number>(24).fill(0)
  for (const { created_at } of page.items) {
    const ago = Math.floor((now - (instant(created_at) ?? 0)) / 3_600_000)
    if (ago >= 0 && ago < 24) hours[23 - ago] = (hours[23 - ago] ?? 0) + 1
  }
  return hours
}
