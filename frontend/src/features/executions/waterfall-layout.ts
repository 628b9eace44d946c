/** Where the bars of a timeline stand. Pure; the present is an argument. */
import type { NodeRun } from '@/api/types'
import { instant } from '@/lib/time'

export interface Bar {
  attempt: number
  status: string
  /** Fractions of the whole width. */
  left: number
  width: number
  /** Where the wait that is still to come ends, if it waits. */
  planned: number | null
  milliseconds: number
}

export interface Row {
  key: string
  nodeId: string
  iteration: string | null
  type: string
  status: string
  attempts: number
  bars: Bar[]
}

export interface Tick {
  at: number
  label: string
}

export interface Waterfall {
  rows: Row[]
  ticks: Tick[]
  milliseconds: number
}

export const rowKey = (run: Pick<NodeRun, 'node_id' | 'iteration'>): string => (run.iteration ? `${run.node_id}[${run.iteration}]` : run.node_id)

/** Runs of one node and iteration together, in the order they first started; what was skipped comes last. */
export function groupRuns(runs: readonly NodeRun[]): NodeRun[][] {
  const groups = new Map<string, NodeRun[]>()
  for (const run of runs) groups.set(rowKey(run), [...(groups.get(rowKey(run)) ?? []), run])
  const started = (group: NodeRun[]) => Math.min(...group.map((run) => instant(run.started_at) ?? Number.MAX_SAFE_INTEGER))
  return [...groups.values()].map((group) => [...group].sort((a, b) => a.attempt - b.attempt)).sort((a, b) => started(a) - started(b))
}

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 144e5, 216e5, 432e5, 864e5, 1728e5, 6048e5]

function tickLabel(milliseconds: number): string {
  if (milliseconds === 0) return '0'
  if (milliseconds < 1000) return `${milliseconds} ms`
  if (milliseconds < 60_000) return `${Number((milliseconds / 1000).toFixed(1))} s`
  if (milliseconds < 3_600_000) return `${Number((milliseconds / 60_000).toFixed(1))} min`
  if (milliseconds < 86_400_000) return `${Number((milliseconds / 3_600_000).toFixed(1))} h`
  return `${Number((milliseconds / 86_400_000).toFixed(1))} d`
}

/** At most six round marks. */
export function ticksOf(milliseconds: number): Tick[] {
  const step = STEPS.find((size) => milliseconds / size <= 6) ?? milliseconds
  const ticks: Tick[] = []
  for (let at = 0; at <= milliseconds && ticks.length < 8; at += step) ticks.push({ at: at / milliseconds, label: tickLabel(at) })
  return ticks
}

export interface Span {
  createdAt: string
  finishedAt: string | null
}

export function layOutWaterfall(runs: readonly NodeRun[], { createdAt, finishedAt }: Span, now: number): Waterfall {
  const begin = instant(createdAt) ?? now
  const ends = runs.map((run) => Math.max(instant(run.finished_at) ?? 0, (run.status === 'waiting' && instant(run.wake_at)) || 0))
  const end = Math.max(begin + 1, finishedAt ? 0 : now, instant(finishedAt) ?? 0, ...ends)
  const whole = end - begin
  const place = (at: number) => Math.min(1, Math.max(0, (at - begin) / whole))

  const rows = groupRuns(runs).map((group): Row => {
    const last = group[group.length - 1] as NodeRun
    let before = begin
    const bars = group.flatMap((run): Bar[] => {
      if (run.status === 'skipped' || run.status === 'queued') return []
      const from = instant(run.started_at) ?? before
      const to = instant(run.finished_at) ?? Math.max(from, now)
      before = to
      const wake = run.status === 'waiting' ? instant(run.wake_at) : null
      return [{
        attempt: run.attempt,
        status: run.status,
        left: place(from),
        width: place(to) - place(from),
        planned: wake !== null && wake > to ? place(wake) : null,
        milliseconds: to - from,
      }]
    })
    return { key: rowKey(last), nodeId: last.node_id, iteration: last.iteration, type: last.type, status: last.status, attempts: group.length, bars }
  })
  return { rows, ticks: ticksOf(whole), milliseconds: whole }
}
