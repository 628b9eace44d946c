import { fireEvent, screen } from '@testing-library/react'
import { describe, expect, it, vi } from 'vitest'
import type { Trigger } from '@/api/types'
import { readCron } from '@/lib/cron'
import { renderUi } from '@/test/render'
import { ApiForm } from './api-form'
import { fieldsOf, scheduleKind, splitSeconds, toLocalField, wishOf, withKind, type TriggerFields } from './model'

const blank = (type: TriggerFields['type']): TriggerFields => fieldsOf(undefined, 'wf_1', 'Europe/Berlin', type)
const trigger = (type: Trigger['type'], config: Record<string, unknown>, input: unknown = null): Trigger => ({
  id: 'trg_1', workflow_id: 'wf_1', type, config, input, enabled: true, url: null, state: 'active', reason: null, notices: [], last_fired_at: null, next_fire_at: null, created_at: '', updated_at: '',
})
const again = (before: Trigger) => wishOf(fieldsOf(before, undefined, 'UTC'))

describe('what a form sends', () => {
  it('is as short as can be for a new HTTP trigger', () => expect(wishOf(blank('api'))).toEqual({ config: { methods: ['POST'], auth: { type: 'open' } }, input: null }))

  it('leaves an unseen secret as it is', () => expect(again(trigger('api', { path: 'x', auth: { type: 'stripe', has_secret: true } })).config).toEqual({ path: 'x', auth: { type: 'stripe' } }))

  it.each<[Trigger['type'], Record<string, unknown>]>([
    ['api', { path: 'x', methods: ['POST'], auth: { type: 'hmac', algorithm: 'sha1' }, rate_limit: { calls: 5, per_seconds: 1 }, debounce: { seconds: 3 }, wait_seconds: 5 }],
    ['schedule', { cron: '*/5 * * * *', timezone: 'UTC', misfire: 'all', misfire_cap: 7, overlap: 'queue', jitter_seconds: 30, dst: { skipped: 'run' }, start: '2027-01-01T00:00:00Z', input: { a: [1] } }],
    ['schedule', { at: '2027-03-28T09:00:00.000Z', input: 0 }],
    ['kafka', { topic: 'orders', group: 'mine', start: 'earliest', batch: { max_records: 10 }, on_poison: 'pause' }],
    ['workflow', { workflow: 'orders', on: ['failed'], filter: 'true' }],
  ])('gives a trigger back as it was: %s %j', (type, config) => expect(again(trigger(type, config, { all: '{{ input }}' }))).toEqual({ config, input: { all: '{{ input }}' } }))

  it('has exactly one kind of schedule', () => {
    const { config } = blank('schedule')
    expect(config).toEqual({ cron: '0 9 * * MON-FRI', timezone: 'Europe/Berlin' })
    const every = withKind({ ...config, overlap: 'skip' }, 'every', 'UTC')
    expect([every, scheduleKind(every)]).toEqual([{ every_seconds: 300, overlap: 'skip' }, 'every'])
    const once = withKind(every, 'at', 'UTC')
    expect([once, scheduleKind(once)]).toEqual([{ at: '', overlap: 'skip' }, 'at'])
    expect(withKind(once, 'cron', 'UTC')).toEqual({ cron: '0 9 * * MON-FRI', timezone: 'UTC', overlap: 'skip' })
  })

  it('refuses an input that is no JSON', () => {
    expect(() => wishOf({ ...blank('schedule'), input: '{' })).toThrow(SyntaxError)
    expect(() => wishOf({ ...blank('api'), mapping: '{' })).toThrow(SyntaxError)
  })

  it('does not pin the default group of a Kafka trigger', () => expect(again(trigger('kafka', { topic: 'orders', group: 'trg_1' })).config).toEqual({ topic: 'orders' }))
})

describe('times in fields', () => {
  it.each([[1, 1, 1], [90, 90, 1], [300, 5, 60], [7200, 2, 3600], [172_800, 2, 86_400]])('%d s is %d x %d s', (seconds, every, unit) => expect(splitSeconds(seconds)).toEqual({ every, unit }))
  it('come back from the field as they went in', () => {
    const at = '2027-06-01T10:30:00.000Z'
    expect(new Date(toLocalField(at)).toISOString()).toBe(at)
    expect(toLocalField('never')).toBe('')
  })
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

describe('the HTTP form', () => {
  it('has a field for every option the registry names, and shows problems at their fields', () => {
    const onChange = vi.fn()
    const schema = { type: 'object', properties: { path: { type: 'string' }, wait_seconds: { type: 'integer', title: 'Wait for the answer' }, filter: { type: 'string', title: 'Only when' } } }
    renderUi(<ApiForm schema={schema} config={{ filter: 'x' }} onChange={onChange} problems={{ '/config/path': 'another trigger has it', '/config/filter': 'too short' }} editing={false} />)
    expect(screen.getByText('another trigger has it')).toBeTruthy()
    expect(screen.getByText('too short')).toBeTruthy()
    expect(screen.getByText('Wait for the answer')).toBeTruthy()
    expect(screen.getByLabelText('Path').getAttribute('aria-invalid')).toBe('true')
    fireEvent.change(screen.getByLabelText('Path'), { target: { value: 'orders' } })
    expect(onChange).toHaveBeenCalledWith({ filter: 'x', path: 'orders' })
  })
})
