/** Where the bars of a timeline stand. Pure; the present is an argument. */
import type { NodeRun } from '@/api/types'
import { instant } from '@/lib/time'
import { makeScale, type Fold, type Interval, type Tick } from './time-scale'

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

export interface Waterfall {
  rows: Row[]
  ticks: Tick[]
  folds: Fold[]
}

export interface Span {
  createdAt: string
  finishedAt: string | null
}

export const rowKey = (run: Pick<NodeRun, 'node_id' | 'iteration'>): string => (run.iteration ? `${run.node_id}[${run.iteration}]` : run.node_id)

/** Runs of one node and iteration together, in the order they first started; what was skipped comes last. */
export function groupRuns(runs: readonly NodeRun[]): NodeRun[][] {
  const groups = new Map<string, NodeRun[]>()
  for (const run of runs) groups.set(rowKey(run), [...(groups.get(rowKey(run)) ?? []), run])
  const started = (group: NodeRun[]) => Math.min(...group.map((run) => (run.status === 'skipped' ? Number.MAX_SAFE_INTEGER : (instant(run.started_at) ?? Number.MAX_SAFE_INTEGER))))
  return [...groups.values()].map((group) => [...group].sort((a, b) => a.attempt - b.attempt)).sort((a, b) => started(a) - started(b))
}

interface Placed {
  run: NodeRun
  from: number
  to: number
  wake: number | null
}

/** A group's runs with their times; one that waits for its first start begins where the one before ended. */
function placeRuns(group: NodeRun[], begin: number, now: number): Placed[] {
  let before = begin
  return group.flatMap((run): Placed[] => {
    if (run.status === 'skipped' || run.status === 'queued') return []
    const from = instant(run.started_at) ?? before
    const to = instant(run.finished_at) ?? Math.max(from, now)
    before = to
    const wake = run.status === 'waiting' ? instant(run.wake_at) : null
    return [{ run, from, to, wake: wake !== null && wake > to ? wake : null }]
  })
}

/** `isWait`: whether a run's time is spent waiting and not working. */
export function layOutWaterfall(runs: readonly NodeRun[], { createdAt, finishedAt }: Span, now: number, isWait: (run: NodeRun) => boolean): Waterfall {
  const begin = instant(createdAt) ?? now
  const groups = groupRuns(runs).map((group) => ({ group, placed: placeRuns(group, begin, now) }))
  const all = groups.flatMap(({ placed }) => placed)
  const end = Math.max(begin + 1, instant(finishedAt) ?? now, ...all.map(({ to, wake }) => wake ?? to))
  const busy = all.filter(({ run }) => !isWait(run)).map(({ from, to }): Interval => [from, to])
  const { place, folds, ticks } = makeScale(begin, end, busy)
  const rows = groups.map(({ group, placed }): Row => {
    const last = group[group.length - 1] as NodeRun
    const bars = placed.map(({ run, from, to, wake }): Bar => ({
      attempt: run.attempt,
      status: run.status,
      left: place(from),
      width: place(to) - place(from),
      planned: wake === null ? null : place(wake),
      milliseconds: to - from,
    }))
    return { key: rowKey(last), nodeId: last.node_id, iteration: last.iteration, type: last.type, status: last.status, attempts: group.length, bars }
  })
  return { rows, ticks, folds }
}
