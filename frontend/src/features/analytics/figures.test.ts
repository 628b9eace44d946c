import { describe, expect, it } from 'vitest'
import type { Figures } from '@/api/queries/analytics'
import { axisTime, change, percent, reasonsInWords, seconds, turnedAway, turnedAwayInWords } from './figures'

const figures = (given: Partial<Figures>): Figures => ({
  total: 100, succeeded: 90, failed: 10, cancelled: 0, retries: 0, success_rate: 0.9, mean: 1, p50: 1, p95: 2, p99: 3, ...given,
})

describe('percent', () => {
  it.each([
    [null, '–'],
    [1, '100 %'],
    [0, '0 %'],
    [0.99999, '99.99 %'],
    [0.9, '90.0 %'],
    [0.501, '50.1 %'],
    [0.004, '0.40 %'],
  ])('%s is %s', (share, text) => expect(percent(share)).toBe(text))
})

it('shows durations in words, and none as a dash', () => {
  expect([seconds(null), seconds(0.342), seconds(4.2)]).toEqual(['–', '342 ms', '4.2 s'])
})

describe('change', () => {
  it.each([
    ['total', figures({ total: 150 }), figures({}), '+50 %', 'neutral'],
    ['failed', figures({ failed: 5 }), figures({}), '−50 %', 'ok'],
    ['failed', figures({ failed: 1 }), figures({ failed: 0 }), 'none before', 'error'],
    ['failed', figures({ failed: 0 }), figures({ failed: 0 }), 'as before', 'neutral'],
    ['p95', figures({ p95: 4 }), figures({}), '+100 %', 'error'],
    ['success_rate', figures({ success_rate: 0.95 }), figures({}), '+5.0 points', 'ok'],
    ['success_rate', figures({ success_rate: 0.9001 }), figures({}), 'as before', 'neutral'],
  ] as const)('of %s', (figure, now, before, text, tone) => expect(change(now, before, figure)).toEqual({ text, tone }))

  it('has nothing to compare with where nothing was', () => {
    expect(change(figures({}), figures({ total: 0 }), 'total')).toBeNull()
    expect(change(figures({}), figures({ p95: null }), 'p95')).toBeNull()
  })
})

it('names days on an axis of days, and hours on one of hours', () => {
  const noon = new Date(2026, 10, 24, 12, 0).toISOString()
  const midnight = new Date(2026, 10, 24, 0, 0).toISOString()
  expect([axisTime(noon, 86_400), axisTime(noon, 3600), axisTime(midnight, 3600), axisTime(midnight, 300)]).toEqual(['24 Nov', '12:00', '24 Nov', '00:00'])
})

it('says what was turned away, and why', () => {
  const reasons = [{ outcome: 'refused', reason: 'unauthenticated', count: 1300 }, { outcome: 'dead_letter', reason: 'invalid_json', count: 2 }]
  const away = { duplicate: 0, debounced: 0, refused: 1300, dead_letter: 2, passed_over: 0, reasons }
  expect([turnedAway(away), turnedAwayInWords(away), reasonsInWords(reasons)]).toEqual([1302, '1,300 refused, 2 dead letters', '1,300 refused (unauthenticated), 2 dead letters (invalid_json)'])
})
