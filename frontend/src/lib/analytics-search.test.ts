import { expect, it } from 'vitest'
import { analyticsFilterOf, readAnalyticsSearch } from './analytics-search'

it('drops what it does not understand', () => {
  expect(readAnalyticsSearch({ range: '90d', workflow_id: 'wf_1', from: 'x', label: '', version: 'x', nodes: 'all' })).toEqual({ range: '90d', workflow_id: 'wf_1' })
  expect(readAnalyticsSearch({ version: 3, trigger_id: 'trg_1', nodes: 'retries' })).toEqual({ version: '3', trigger_id: 'trg_1', nodes: 'retries' })
  expect(readAnalyticsSearch({ range: '2y' }).range).toBeUndefined()
})

it('asks for the span up to now, or for the one that was chosen', () => {
  const now = Date.parse('2026-11-24T06:00:30Z')
  expect(analyticsFilterOf({ workflow_id: 'wf_1' }, now)).toEqual({ workflow_id: 'wf_1', from: '2026-11-23T06:01:00.000Z', to: '2026-11-24T06:01:00.000Z' })
  expect(analyticsFilterOf({ range: '7d', from: '2026-11-01T00:00:00Z' }, now)).toEqual({ from: '2026-11-01T00:00:00Z', to: undefined })
})
