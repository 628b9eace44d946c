import { describe, expect, it } from 'vitest'
import type { NodeRun } from '@/api/types'
import { portOfRun, statesOf } from './run-states'
import { evenTicks, gapsBetween, makeScale } from './time-scale'
import { triggerDetail, triggerName } from './trigger-words'
import { groupRuns, layOutWaterfall } from './waterfall-layout'

const T0 = Date.UTC(2026, 10, 23, 12)
const at = (ms: number): string => new Date(T0 + ms).toISOString()
const run = (node_id: string, from: number | null, to: number | null, more: Partial<NodeRun> = {}): NodeRun => ({
  node_id,
  type: 'transform',
  status: to === null ? 'running' : 'succeeded',
  iteration: null,
  attempt: 1,
  input: null,
  output: null,
  error: null,
  started_at: from === null ? null : at(from),
  finished_at: to === null ? null : at(to),
  ...more,
})
const isWait = ({ type, status }: NodeRun): boolean => type === 'delay' || status === 'waiting'

describe('a time scale', () => {
  it('is even when there is nothing to fold', () => {
    const { place, folds, ticks } = makeScale(0, 1000, [[0, 900]])
    expect([place(-5), place(0), place(250), place(2000)]).toEqual([0, 0, 0.25, 1])
    expect(folds).toEqual([])
    expect(ticks.map(({ label }) => label)).toEqual(['0', '200 ms', '400 ms', '600 ms', '800 ms', '1 s'])
  })

  it('folds long waits and keeps the order of things', () => {
    const day = 86_400_000
    const { place, folds, ticks } = makeScale(0, day + 2000, [[0, 1000], [day + 1000, day + 2000]])
    expect(folds).toHaveLength(1)
    expect(folds[0]?.milliseconds).toBe(day)
    expect(place(1000)).toBeCloseTo(0.3)
    expect(place(day + 1000)).toBeCloseTo(0.7)
    expect(place(day + 2000)).toBeCloseTo(1)
    const places = [0, 500, 1000, 1000 + day / 2, day + 1000, day + 1500].map(place)
    expect([...places].sort((a, b) => a - b)).toEqual(places)
    expect(ticks.map(({ label }) => label)).toEqual(['0', '1 s', '1 d', '1 d'])
  })

  it('folds the wait that is still to come', () => {
    const { place, folds } = makeScale(0, 1_200_000, [[0, 2000]])
    expect(folds).toHaveLength(1)
    expect(place(2000)).toBeCloseTo(0.6)
    expect(place(1_200_000)).toBeCloseTo(1)
  })

  it('finds what lies between, before and after', () => {
    expect(gapsBetween([[10, 20], [15, 30], [50, 60]], 0, 100)).toEqual([[0, 10], [30, 50], [60, 100]])
    expect(gapsBetween([], 0, 5)).toEqual([[0, 5]])
    expect(gapsBetween([[0, 5]], 0, 5)).toEqual([])
  })

  it('never has more than eight marks', () => {
    for (const span of [1, 37, 999, 61_000, 7_300_000, 86_400_000 * 400]) expect(evenTicks(span).length).toBeLessThanOrEqual(8)
  })
})

describe('a waterfall', () => {
  const span = { createdAt: at(0), finishedAt: null }

  it('has one row for a node with all its attempts', () => {
    const runs = [run('a', 0, 10), run('b', 10, 20, { status: 'failed' }), run('b', 40, 50, { attempt: 2 }), run('s', null, null, { status: 'skipped', attempt: 0 })]
    const { rows } = layOutWaterfall(runs, { ...span, finishedAt: at(100) }, T0 + 5000, isWait)
    expect(rows.map(({ key, status, attempts, bars }) => [key, status, attempts, bars.length])).toEqual([['a', 'succeeded', 1, 1], ['b', 'succeeded', 2, 2], ['s', 'skipped', 1, 0]])
    expect(rows[1]?.bars.map(({ left, width }) => [left, Number(width.toFixed(3))])).toEqual([[0.1, 0.1], [0.4, 0.1]])
  })

  it('keeps iterations apart', () => {
    const runs = [run('a', 0, 10, { iteration: 'loop[0]' }), run('a', 0, 12, { iteration: 'loop[1]' })]
    expect(groupRuns(runs)).toHaveLength(2)
  })

  it('draws to the present what still runs', () => {
    const { rows } = layOutWaterfall([run('a', 0, null)], span, T0 + 200, isWait)
    expect(rows[0]?.bars[0]).toMatchObject({ left: 0, width: 1, milliseconds: 200, planned: null })
  })

  it('draws on to the end of a wait', () => {
    const { rows, folds } = layOutWaterfall([run('a', 0, 1000), run('d', 1000, null, { type: 'delay', status: 'waiting', wake_at: at(61_000) })], span, T0 + 2000, isWait)
    const bar = rows[1]?.bars[0]
    expect(bar?.planned).toBeCloseTo(1)
    expect(bar?.milliseconds).toBe(1000)
    expect(folds).toHaveLength(1)
  })

  it('stands without any run', () => {
    expect(layOutWaterfall([], span, T0, isWait)).toMatchObject({ rows: [], folds: [] })
  })
})

describe('states for the graph', () => {
  it('take the last attempt and the worst iteration', () => {
    const runs = [
      run('a', 0, 1, { status: 'failed' }),
      run('a', 2, 3, { attempt: 2 }),
      run('m', 0, 1, { iteration: '0' }),
      run('m', 0, 1, { iteration: '1', status: 'failed' }),
    ]
    const states = statesOf(runs, new Set())
    expect(states.a).toMatchObject({ status: 'succeeded', attempts: 2 })
    expect(states.m?.status).toBe('failed')
  })
  it('know the way taken where the output tells', () => {
    expect(portOfRun(run('c', 0, 1, { output: { result: false } }))).toBe('false')
    expect(portOfRun(run('s', 0, 1, { output: { case: 'large' } }))).toBe('large')
    expect(portOfRun(run('p', 0, 1, { output: { decision: 'approved' } }))).toBe('approved')
    expect(portOfRun(run('h', 0, 1, { status: 'failed' }))).toBe('error')
    expect(portOfRun(run('t', 0, 1, { output: 'text' }))).toBeUndefined()
    expect(statesOf([run('h', 0, 1)], new Set(['h'])).h?.port).toBe('main')
  })
})

it('says what started an execution', () => {
  expect(triggerName({ type: 'manual' })).toBe('By hand')
  expect(triggerName({ type: 'something.new' })).toBe('something.new')
  expect(triggerDetail({ type: 'kafka', topic: 'orders', partition: 0, offset: 17 })).toBe('orders, partition 0, offset 17')
  expect(triggerDetail({ type: 'api', method: 'POST', path: 'x' })).toBe('POST x')
})
