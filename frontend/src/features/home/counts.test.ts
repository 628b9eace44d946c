import { describe, expect, it } from 'vitest'
import type { ExecutionSummary } from '@/api/types'
import { byHour, countWords } from './counts'

describe('counts', () => {
  const now = Date.UTC(2026, 10, 23, 12)
  const made = (hoursAgo: number) => ({ created_at: new Date(now - hoursAgo * 3_600_000 - 1).toISOString() }) as ExecutionSummary
  it('say when there are more', () => expect([countWords(undefined), countWords({ items: [1, 2], next_cursor: null }), countWords({ items: [1, 2], next_cursor: 'x' })]).toEqual(['', '2', '2+']))
  it('are drawn by the hour, when all are known', () => {
    const hours = byHour({ items: [made(0), made(0.5), made(23), made(30)], next_cursor: null }, now)
    expect([hours?.length, hours?.[23], hours?.[0]]).toEqual([24, 2, 1])
    expect(byHour({ items: [], next_cursor: 'x' }, now)).toBeNull()
  })
})
