import { fireEvent, screen } from '@testing-library/react'
import { describe, expect, it, vi } from 'vitest'
import type { Trigger } from '@/api/types'
import { renderUi } from '@/test/render'
import { ApiForm } from './api-form'
import { readCron } from '@/lib/cron'
import { configOf, fieldsOf, splitSeconds, toLocalField, type TriggerFields } from './model'

const blank = (type: TriggerFields['type']): TriggerFields => ({ ...fieldsOf(undefined, 'wf_1', 'Europe/Berlin'), type })
const trigger = (type: Trigger['type'], config: Record<string, unknown>): Trigger => ({
  id: 'trg_1', workflow_id: 'wf_1', type, config, input: null, enabled: true, url: null, state: 'active', reason: null, notices: [], last_fired_at: null, next_fire_at: null, created_at: '', updated_at: '',
})

describe('the config a form sends', () => {
  it('is as short as can be for a new HTTP trigger', () => expect(configOf(blank('api'))).toEqual({ methods: ['POST'], auth: { type: 'open' } }))

  it('holds a secret and a header only where they belong', () => {
    const fields = blank('api')
    Object.assign(fields.api, { auth: 'hmac', secret: 'very secret', header: ' X-Sig ', path: ' orders ', dedupe_key: ' input.id ' })
    expect(configOf(fields)).toEqual({ path: 'orders', methods: ['POST'], auth: { type: 'hmac', header: 'X-Sig', secret: 'very secret' }, dedupe_key: 'input.id' })
    fields.api.auth = 'api_key'
    expect(configOf(fields)).toMatchObject({ auth: { type: 'api_key' } })
  })

  it('leaves an unseen secret as it is', () => {
    const fields = fieldsOf(trigger('api', { path: 'x', methods: ['POST'], auth: { type: 'standard_webhooks', has_secret: true } }), undefined, 'UTC')
    expect(configOf(fields)).toEqual({ path: 'x', methods: ['POST'], auth: { type: 'standard_webhooks' } })
  })

  it('has exactly one kind of schedule', () => {
    const fields = blank('schedule')
    expect(configOf(fields)).toEqual({ cron: '0 9 * * MON-FRI', timezone: 'Europe/Berlin', misfire: 'last', overlap: 'allow' })
    fields.schedule.kind = 'every'
    expect(configOf(fields)).toEqual({ every_seconds: 300, misfire: 'last', overlap: 'allow' })
    fields.schedule.kind = 'at'
    fields.schedule.at = '2027-01-02T03:04'
    expect(configOf(fields)).toEqual({ at: new Date('2027-01-02T03:04').toISOString(), misfire: 'last', overlap: 'allow' })
  })

  it.each([
    { cron: '*/5 * * * *', timezone: 'UTC', misfire: 'all', overlap: 'skip', start: '2027-01-01T00:00:00Z', end: '2028-01-01T00:00:00Z', input: { a: [1] } },
    { every_seconds: 7200, misfire: 'last', overlap: 'allow' },
    { at: '2027-03-28T09:00:00.000Z', misfire: 'last', overlap: 'allow', input: 0 },
  ])('gives a schedule back as it was: %j', (config) => {
    const before = trigger('schedule', config)
    expect(configOf(fieldsOf(before, undefined, 'UTC'), before.config)).toEqual(config)
  })

  it('refuses an input that is no JSON', () => {
    const fields = blank('schedule')
    fields.schedule.input = '{'
    expect(() => configOf(fields)).toThrow(SyntaxError)
  })

  it('does not pin the default group of a Kafka trigger', () => {
    expect(configOf(fieldsOf(trigger('kafka', { topic: 'orders', group: 'trg_1', start: 'latest' }), undefined, 'UTC'))).toEqual({ topic: 'orders', start: 'latest' })
    expect(configOf(fieldsOf(trigger('kafka', { topic: 'orders', group: 'mine', start: 'earliest', filter: 'x' }), undefined, 'UTC'))).toEqual({ topic: 'orders', group: 'mine', start: 'earliest', filter: 'x' })
  })
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
  it('asks for a secret only for a signature, and shows problems at their fields', () => {
    const onChange = vi.fn()
    const fields = blank('api').api
    const { rerender } = renderUi(<ApiForm fields={fields} onChange={onChange} problems={{ '/config/path': 'another trigger has it' }} editing={false} />)
    expect(screen.queryByLabelText('Secret')).toBeNull()
    expect(screen.getByText('another trigger has it')).toBeTruthy()
    expect(screen.getByLabelText('Path').getAttribute('aria-invalid')).toBe('true')
    fireEvent.change(screen.getByLabelText('Path'), { target: { value: 'orders' } })
    expect(onChange).toHaveBeenCalledWith({ path: 'orders' })
    rerender(<></>)
    renderUi(<ApiForm fields={{ ...fields, auth: 'hmac' }} onChange={onChange} problems={{}} editing />)
    expect(screen.getByLabelText('Secret').getAttribute('type')).toBe('password')
    expect(screen.getByText('Left empty, the secret stays as it is.')).toBeTruthy()
  })
})
