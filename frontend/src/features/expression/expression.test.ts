import { describe, expect, it } from 'vitest'
import { optionsAfter, pathBefore } from './completion'
import { preview } from './preview.worker'
import { valuesOf, type ExpressionScope } from './scope'

const scope: ExpressionScope = {
  nodes: [
    { id: 'charge', name: 'Charge the card', type: 'http.request', schema: { type: 'object', properties: { status: { type: 'integer' }, body: {} } }, sample: { status: 200, body: { id: 'ch_1', 'odd name': 1 } } },
    { id: 'later', name: 'Later', type: 'delay' },
  ],
  input: { schema: { type: 'object', properties: { total: { type: 'number', description: 'in euros' } } } },
}
const labels = (text: string) => optionsAfter(text, scope).options.map(({ label }) => label)

describe('completion', () => {
  it.each([
    ['', { path: [], typed: '' }],
    ['inp', { path: [], typed: 'inp' }],
    ['1 + nodes.ch', { path: ['nodes'], typed: 'ch' }],
    ["nodes['charge'].output.", { path: ['nodes', 'charge', 'output'], typed: '' }],
    ['f(x).', { path: ['?'], typed: '' }],
    ["'a b'.star", { path: ['?'], typed: 'star' }],
  ])('reads %s', (text, wanted) => expect(pathBefore(text)).toEqual(wanted))
  it('offers names, then functions', () => expect(labels('').slice(0, 5)).toEqual(['input', 'nodes', 'trigger', 'execution', 'has']))
  it('offers the steps before, and their parts', () => {
    expect(labels('nodes.').slice(0, 2)).toEqual(['charge', 'later'])
    expect(labels('nodes.charge.').slice(0, 3)).toEqual(['output', 'error', 'callback_url'])
  })
  it('offers what the last data and the schema have', () => {
    expect(labels('nodes.charge.output.').slice(0, 2)).toEqual(['status', 'body'])
    expect(labels('nodes.charge.output.body.').slice(0, 2)).toEqual(['id', 'odd name'])
    expect(labels('input.')[0]).toBe('total')
  })
  it('offers methods after a dot only', () => {
    expect(labels('input.total.')).toContain('startsWith')
    expect(labels('')).not.toContain('startsWith')
  })
  it('offers nothing of a step that does not come before', () => expect(labels('nodes.other.output.').filter((label) => label === 'status')).toEqual([]))
})

it('knows which values there are', () => expect(valuesOf(scope)).toEqual({ nodes: { charge: { output: { status: 200, body: { id: 'ch_1', 'odd name': 1 } } }, later: {} } }))

describe('a preview', () => {
  const values = { input: { total: 12, name: 'Ada' }, nodes: { charge: { output: { status: 200 } }, later: {} } }
  const of = (text: string, language: 'cel' | 'template' = 'cel') => preview({ text, language, values })
  it('gives what the server would', () => {
    expect(of('input.total > 10')).toEqual({ kind: 'value', json: 'true' })
    expect(of('{{ nodes.charge.output }}', 'template')).toEqual({ kind: 'value', json: '{"status":200}' })
    expect(of("Dear {{ input.name }}, {{ input.total + 1 }} {{ {'a': 1}.a }}", 'template')).toEqual({ kind: 'value', json: '"Dear Ada, 13 1"' })
  })
  it('is grey where there is no data', () => {
    expect(of('nodes.later.output.x > 1')).toEqual({ kind: 'unknown', names: ['later'] })
    expect(of('trigger.headers.a')).toEqual({ kind: 'unknown', names: ['trigger'] })
  })
  it('is wrong only when it is', () => {
    expect(of('input.total >').kind).toBe('wrong')
    expect(of('input.totl > 1').kind).toBe('wrong')
    expect(of('{{ input.total', 'template').kind).toBe('wrong')
  })
})
