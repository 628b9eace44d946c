import { describe, expect, it } from 'vitest'
import { clockIn, elapsed, formatClock, formatDuration, formatRelative, formatWake, instant } from './time'

const NOW = new Date(2026, 10, 23, 14, 29, 0).getTime()

describe('formatDuration', () => {
  it.each([
    [-5, '0 ms'],
    [0, '0 ms'],
    [342.4, '342 ms'],
    [999.6, '1.0 s'],
    [4_200, '4.2 s'],
    [9_960, '10 s'],
    [59_600, '1 min'],
    [192_000, '3 min 12 s'],
    [7_500_000, '2 h 5 min'],
    [3 * 86_400_000 + 4 * 3_600_000, '3 d 4 h'],
    [86_400_000, '1 d'],
  ])('%d ms is %s', (milliseconds, words) => expect(formatDuration(milliseconds)).toBe(words))
})

describe('formatRelative', () => {
  it.each([
    [0, 'just now'],
    [1_000, 'in a moment'],
    [-12_000, '12 s ago'],
    [180_000, 'in 3 min'],
    [-7_200_000, '2 h ago'],
    [5 * 86_400_000, 'in 5 d'],
  ])('%d ms away is %s', (distance, words) => expect(formatRelative(NOW + distance, NOW)).toBe(words))
})

describe('formatClock', () => {
  it('gives the day only when it is another one', () => {
    expect(formatClock(NOW + 180_000, NOW)).toBe('14:32')
    expect(formatClock(NOW + 86_400_000, NOW)).toBe('24 Nov, 14:29')
    expect(formatClock(NOW - 365 * 86_400_000, NOW)).toBe('23 Nov 2025, 14:29')
  })
})

describe('formatWake', () => {
  it('says when and how long still', () => expect(formatWake(NOW + 180_000, NOW)).toBe('wakes at 14:32, in 3 min'))
  it('does not count below zero', () => expect(formatWake(NOW - 1, NOW)).toBe('is waking up'))
})

describe('instants', () => {
  it('reads RFC 3339 and nothing else', () => {
    expect(instant('2026-11-23T14:29:00Z')).toBe(Date.UTC(2026, 10, 23, 14, 29))
    expect(instant(null)).toBeNull()
    expect(instant('soon')).toBeNull()
  })
  it('measures up to now while there is no end', () => {
    expect(elapsed('2026-11-23T14:29:00Z', null, Date.UTC(2026, 10, 23, 14, 30))).toBe(60_000)
    expect(elapsed(null, null, NOW)).toBeNull()
  })
})

describe('clockIn', () => {
  it.each([
    ['UTC', 'Wed 15 Jan, 23:30'],
    ['Asia/Kolkata', 'Thu 16 Jan, 05:00'],
    ['America/New_York', 'Wed 15 Jan, 18:30'],
  ])('is the clock of %s', (zone, words) => expect(clockIn(Date.UTC(2031, 0, 15, 23, 30), zone)).toBe(words))
})
