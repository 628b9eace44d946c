import { describe, expect, it } from 'vitest'
import type { Trigger, TriggerPreset } from '@/api/types'
import { readCron } from '@/lib/cron'
import { begun, fieldsOf, ordered, presetConfig, problemsIn, shownConfig } from './model'

const trigger = (type: Trigger['type'], config: Record<string, unknown>, input: unknown = null): Trigger => ({
  id: 'trg_1', workflow_id: 'wf_1', type, config, input, enabled: true, url: null, state: 'active', reason: null, notices: [], last_fired_at: null, next_fire_at: null, created_at: '', updated_at: '',
})
const preset: TriggerPreset = { id: 'p', name: 'github', type: 'api', title: 'GitHub', description: '', config: { auth: { type: 'github' }, dedupe_key: 'x' }, input: { a: '{{ input.b }}' }, needs: ['/auth/secret'], steps: [], example: null, built_in: true }

describe('what a form begins with', () => {
  it('is the own zone for a schedule, and else nothing', () => {
    expect(fieldsOf(undefined, 'wf_1', 'schedule', 'Europe/Berlin').config).toEqual({ timezone: 'Europe/Berlin' })
    expect(fieldsOf(undefined, 'wf_1', 'schedule', 'UTC').config).toEqual({})
    expect(fieldsOf(undefined, undefined, 'api', 'Europe/Berlin')).toEqual({ type: 'api', workflowId: null, config: {}, input: undefined, preset: null })
  })
  it('is what a preset says, and without one again nothing', () => {
    const blank = fieldsOf(undefined, 'wf_1', 'api', 'UTC')
    const with_ = begun(blank, preset, 'UTC')
    expect(with_).toEqual({ ...blank, preset: 'github', config: preset.config, input: preset.input })
    expect(begun(with_, null, 'UTC')).toEqual(blank)
  })
  it('is a stored config without what only says that there is a secret, and without what is not set', () => {
    expect(shownConfig(trigger('api', { path: 'x', auth: { type: 'hmac', header: 'x-sig', has_secret: true }, cors: null }))).toEqual({ path: 'x', auth: { type: 'hmac', header: 'x-sig' } })
    expect(shownConfig(trigger('kafka', { topic: 'orders', group: 'trg_1' }))).toEqual({ topic: 'orders' })
    expect(shownConfig(trigger('kafka', { topic: 'orders', group: 'mine' }))).toEqual({ topic: 'orders', group: 'mine' })
    const schedule = { every_seconds: 7200, jitter_seconds: 30, overlap: 'queue', start: '2027-01-01T00:00:00Z', input: 0 }
    expect(fieldsOf(trigger('schedule', schedule, { v: 1 }), undefined, 'api', 'UTC')).toMatchObject({ type: 'schedule', config: schedule, input: { v: 1 } })
  })
})

it('gives a preset no secret, no path and no group', () => {
  expect(presetConfig(trigger('api', { path: 'x', methods: ['PUT'], auth: { type: 'hmac', header: 'x-sig', has_secret: true }, cors: null }))).toEqual({ methods: ['PUT'], auth: { type: 'hmac', header: 'x-sig' } })
  expect(presetConfig(trigger('kafka', { topic: 'orders', group: 'mine' }))).toEqual({ topic: 'orders' })
})

it('finds the problems of its own fields', () => {
  expect(problemsIn({ '/config/auth/secret': 'needed', '/config': 'whole', '/input/a': 'mapping' }, '/config')).toEqual({ '/auth/secret': 'needed' })
})

it('lists the types in an order people expect, unknown ones last', () => {
  const types = ['zebra', 'workflow', 'kafka', 'api', 'schedule'].map((type) => ({ type }))
  expect(ordered(types as never).map(({ type }) => type)).toEqual(['api', 'schedule', 'kafka', 'workflow', 'zebra'])
})

describe('cron', () => {
  const from = new Date('2026-11-23T08:30:00Z')
  it('is read in its zone', () => {
    const reading = readCron('0 9 * * MON-FRI', 'Europe/Berlin', from, 3)
    expect(reading?.words).toBe('At 09:00, Monday through Friday')
    expect(reading?.next.map((at) => at.toISOString())).toEqual(['2026-11-24T08:00:00.000Z', '2026-11-25T08:00:00.000Z', '2026-11-26T08:00:00.000Z'])
  })
  it.each(['', 'nonsense', '61 * * * *'])('says nothing of %j', (cron) => expect(readCron(cron, 'UTC', from)).toBeNull())
})
