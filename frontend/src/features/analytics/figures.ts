/** Figures in words, and how they changed against the span before. */
import type { Figures, Reason, TurnedAway } from '@/api/queries/analytics'
import type { Tone } from '@/lib/status'
import { formatDuration } from '@/lib/time'

export const count = (value: number): string => value.toLocaleString('en-GB')
export const seconds = (value: number | null): string => (value === null ? '–' : formatDuration(value * 1000))
/** "99.97 %"; never rounded up to a hundred that it is not. */
export function percent(share: number | null): string {
  if (share === null) return '–'
  if (share === 1 || share === 0) return `${share * 100} %`
  const digits = share > 0.99 || share < 0.01 ? 2 : 1
  const factor = 10 ** (digits + 2)
  return `${(Math.floor(share * factor) / (factor / 100)).toFixed(digits)} %`
}

export interface Change {
  text: string
  tone: Tone
}

/** How a figure compares with the span before: in percent of it, or in points for a share. Null: there is nothing to compare with. */
export function change(now: Figures, before: Figures, figure: 'total' | 'failed' | 'success_rate' | 'p95'): Change | null {
  const [value, was] = [now[figure], before[figure]]
  if (value === null || was === null || before.total === 0) return null
  if (figure === 'success_rate') {
    const points = (value - was) * 100
    if (Math.abs(points) < 0.05) return { text: 'as before', tone: 'neutral' }
    return { text: `${signed(points, 1)} points`, tone: points > 0 ? 'ok' : 'error' }
  }
  if (was === 0) return value === 0 ? { text: 'as before', tone: 'neutral' } : { text: 'none before', tone: figure === 'failed' ? 'error' : 'neutral' }
  const ratio = (value / was - 1) * 100
  if (Math.abs(ratio) < 0.5) return { text: 'as before', tone: 'neutral' }
  const better = figure === 'total' ? null : ratio < 0
  return { text: `${signed(ratio, 0)} %`, tone: better === null ? 'neutral' : better ? 'ok' : 'error' }
}

const signed = (value: number, digits: number): string => `${value > 0 ? '+' : '−'}${Math.abs(value).toFixed(digits)}`

/** A point's time as an axis shows it, by how much a point spans. */
export function axisTime(at: string, bucketSeconds: number): string {
  const date = new Date(at)
  const clock = date.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })
  const day = date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })
  if (bucketSeconds >= 86_400) return day
  return bucketSeconds >= 3600 && clock === '00:00' ? day : clock
}

/** How many came and started nothing. */
export const turnedAway = (of: TurnedAway): number => of.duplicate + of.debounced + of.refused + of.dead_letter + of.passed_over

const WORDS: Record<string, string> = { duplicate: 'duplicates', debounced: 'held together', refused: 'refused', dead_letter: 'dead letters', passed_over: 'passed over' }

/** "3 refused (unauthenticated), 2 dead letters (invalid_json)". */
export const reasonsInWords = (reasons: Reason[]): string =>
  reasons
    .slice(0, 5)
    .map(({ outcome, reason, count: times }) => `${count(times)} ${WORDS[outcome] ?? outcome} (${reason})`)
    .join(', ')

/** "4 duplicates, 3 refused", the outcomes that there were. */
export const turnedAwayInWords = (of: TurnedAway): string =>
  (['refused', 'duplicate', 'debounced', 'dead_letter', 'passed_over'] as const)
    .filter((outcome) => of[outcome] > 0)
    .map((outcome) => `${count(of[outcome])} ${WORDS[outcome]}`)
    .join(', ')
