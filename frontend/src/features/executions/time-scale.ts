/** From instants to places on a timeline. Long stretches in which nothing but waiting happened are folded, so that a delay of days leaves room for what ran. Pure. */

export interface Fold {
  left: number
  width: number
  milliseconds: number
}

export interface Tick {
  at: number
  label: string
}

export interface TimeScale {
  /** A fraction of the width, 0 to 1. */
  place: (at: number) => number
  folds: Fold[]
  ticks: Tick[]
}

export type Interval = readonly [from: number, to: number]

const SHORTEST_FOLD = 3_000
/** Folding starts when waits are this many times as long as everything else. */
const OUTWEIGHS = 3
const FOLDED_SHARE = 0.4
const TICK_GAP = 0.09

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 144e5, 216e5, 432e5, 864e5, 1728e5, 6048e5]

function tickLabel(milliseconds: number): string {
  const round = (value: number) => String(Number(value.toFixed(1)))
  if (milliseconds === 0) return '0'
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`
  if (milliseconds < 60_000) return `${round(milliseconds / 1000)} s`
  if (milliseconds < 3_600_000) return `${round(milliseconds / 60_000)} min`
  return milliseconds < 86_400_000 ? `${round(milliseconds / 3_600_000)} h` : `${round(milliseconds / 86_400_000)} d`
}

/** At most eight round marks. */
export function evenTicks(milliseconds: number): Tick[] {
  const step = STEPS.find((size) => milliseconds / size <= 6) ?? milliseconds
  const ticks: Tick[] = []
  for (let at = 0; at <= milliseconds && ticks.length < 8; at += step) ticks.push({ at: at / milliseconds, label: tickLabel(at) })
  return ticks
}

/** What lies between busy intervals, `begin` and `end`. */
export function gapsBetween(busy: readonly Interval[], begin: number, end: number): Interval[] {
  const gaps: Interval[] = []
  let reached = begin
  for (const [from, to] of [...busy].sort((a, b) => a[0] - b[0])) {
    if (from > reached) gaps.push([reached, Math.min(from, end)])
    reached = Math.max(reached, to)
  }
  if (reached < end) gaps.push([reached, end])
  return gaps
}

export function makeScale(begin: number, end: number, busy: readonly Interval[]): TimeScale {
  const whole = Math.max(1, end - begin)
  const gaps = gapsBetween(busy, begin, end).filter(([from, to]) => to - from >= SHORTEST_FOLD)
  const waiting = gaps.reduce((sum, [from, to]) => sum + to - from, 0)
  if (gaps.length === 0 || waiting < OUTWEIGHS * (whole - waiting)) {
    return { place: (at) => Math.min(1, Math.max(0, (at - begin) / whole)), folds: [], ticks: evenTicks(whole) }
  }
  const share = FOLDED_SHARE / gaps.length
  const perMs = (1 - FOLDED_SHARE) / Math.max(1, whole - waiting)

  const place = (instant: number): number => {
    const at = Math.min(end, Math.max(begin, instant))
    let width = 0
    let reached = begin
    for (const [from, to] of gaps) {
      if (at <= from) break
      width += (from - reached) * perMs + (Math.min(1, (at - from) / (to - from))) * share
      reached = to
      if (at <= to) return width
    }
    return Math.min(1, width + Math.max(0, at - reached) * perMs)
  }

  const folds = gaps.map(([from, to]): Fold => ({ left: place(from), width: share, milliseconds: to - from }))
  const marks = [begin, ...gaps.flatMap(([from, to]) => [from, to]), end]
  const ticks: Tick[] = []
  for (const mark of marks) {
    const at = place(mark)
    if (ticks.length === 0 || at - (ticks.at(-1)?.at ?? 0) >= TICK_GAP) ticks.push({ at, label: tickLabel(mark - begin) })
  }
  return { place, folds, ticks }
}
