import { screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { useState } from 'react'
import { describe, expect, it } from 'vitest'
import { renderUi } from '@/test/render'
import { SchemaForm, type FormState } from '.'
import { choiceIn, choose, chosenOf } from './choice'
import { discriminatorOf, kindOf } from './kinds'
import { modeOf, toggled } from './modes'

const ROOT = { $defs: { Case: { type: 'object', properties: { name: { type: 'string' }, expression: { type: 'string', format: 'cel' } }, required: ['name', 'expression'] } } }

describe('the kind of a field', () => {
  const optional = (schema: object) => ({ anyOf: [schema, { type: 'null' }], default: null })
  it.each([
    ['expression', { type: 'string', format: 'cel' }, 'cel'],
    ['url', { type: 'string' }, 'text'],
    ['message', { type: 'string' }, 'longtext'],
    ['method', { enum: ['GET', 'POST'], type: 'string' }, 'select'],
    ['fail', { type: 'boolean' }, 'switch'],
    ['seconds', optional({ type: 'number' }), 'duration'],
    ['limit', { type: 'integer' }, 'number'],
    ['until', { ...optional({ type: 'string' }), format: 'date-time' }, 'datetime'],
    ['cron', { type: 'string' }, 'cron'],
    ['cases', { type: 'array', items: { $ref: '#/$defs/Case' } }, 'list'],
    ['approvers', { type: 'array', items: { type: 'string' } }, 'texts'],
    ['methods', { type: 'array', items: { enum: ['A', 'B'] } }, 'selects'],
    ['assign', { type: 'object', additionalProperties: { type: 'string', format: 'cel' } }, 'entries'],
    ['headers', { type: 'object', additionalProperties: true }, 'entries'],
    ['auth', { type: 'object', properties: { credential: { type: 'string' } } }, 'object'],
    ['credential', { type: 'string' }, 'credential'],
    ['workflow', { type: 'string' }, 'workflow'],
    ['source', { type: 'string' }, 'text'],
    ['source', { type: 'string', format: 'literal', contentMediaType: 'text/x-source' }, 'code'],
    ['query', { type: 'string', format: 'literal', contentMediaType: 'application/sql' }, 'code'],
    ['fallback', { type: 'array', items: { type: 'string', format: 'credential' } }, 'credentials'],
    ['form', { ...optional({ type: 'object' }), format: 'literal' }, 'literal'],
    ['body', { type: 'object', properties: { nodes: { type: 'array' }, edges: { type: 'array' } } }, 'graph'],
    ['body', {}, 'any'],
    ['value', { anyOf: [{ type: 'object' }, { type: 'array' }] }, 'any'],
    ['key', optional({ anyOf: [{ type: 'string' }, { type: 'integer' }] }), 'text'],
    ['start', { anyOf: [{ enum: ['latest', 'earliest'] }, { type: 'string', format: 'date-time' }], default: 'latest' }, 'moment'],
    ['timezone', { type: 'string', format: 'timezone' }, 'zone'],
    ['audience', optional({ anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] }), 'texts'],
    ['auth', { oneOf: [{ type: 'object', properties: { type: { const: 'open' } } }, { type: 'object', properties: { type: { const: 'key' }, key: { type: 'string' } } }] }, 'variants'],
  ])('%s is told from its schema', (name, schema, kind) => expect(kindOf(name, schema, ROOT)).toBe(kind))
  it('finds what tells variants apart', () => expect(discriminatorOf([{ properties: { a: { type: 'string' }, t: { const: 1 } } }, { properties: { t: { const: 2 } } }])).toBe('t'))
})

describe('Fixed and Expression', () => {
  const state = (value: Record<string, unknown>): FormState => ({ value, memory: {} })
  it('is told by the value', () => expect([modeOf(state({ url: 'x' }), ['url']), modeOf(state({ url: '{{ x }}' }), ['url']), modeOf(state({}), ['url'])]).toEqual(['fixed', 'expression', 'fixed']))
  it('keeps both values', () => {
    const one = toggled(state({ count: 5 }), ['count'], 'expression')
    expect(one.value).toEqual({ count: '{{ 5 }}' })
    const edited = { ...one, value: { count: '{{ input.n }}' } }
    const two = toggled(edited, ['count'], 'fixed')
    expect(two.value).toEqual({ count: 5 })
    expect(toggled(two, ['count'], 'expression').value).toEqual({ count: '{{ input.n }}' })
  })
  it('makes one expression of what holds some', () => {
    const asked = (value: unknown) => toggled(state({ body: value }), ['body'], 'expression').value.body
    expect(asked({ a: '{{ input.n }}', b: [1, 'x'] })).toBe('{{ {"a":input.n,"b":[1,"x"]} }}')
    expect(asked({ a: 'No. {{ input.n }}' })).toBe('{{ {"a":"No. " + string(input.n)} }}')
  })
  it('remembers the choice while there is nothing yet', () => {
    const one = toggled(state({}), ['url'], 'expression')
    expect(modeOf({ ...one, value: {} }, ['url'])).toBe('expression')
  })
  it('turns structures into expressions that mean the same', () => expect(toggled(state({ body: { a: [1, 'x'] } }), ['body'], 'expression').value).toEqual({ body: '{{ {"a":[1,"x"]} }}' }))
})

describe('fields of which one is given', () => {
  const schema = {
    type: 'object',
    'x-one-of': ['cron', 'at'],
    properties: { cron: { type: 'string' }, at: { type: 'string', format: 'date-time' }, timezone: { type: 'string', 'x-with': ['cron'] }, other: { type: 'string' } },
  }
  it('are chosen by what is set, else by what was asked for, else the first', () => {
    const choice = choiceIn(schema)
    expect(choice).toEqual(['cron', 'at'])
    expect([chosenOf(choice, { at: 'x' }, null), chosenOf(choice, { at: 'x' }, 'cron'), chosenOf(choice, {}, 'at'), chosenOf(choice, {}, null), chosenOf([], {}, null)]).toEqual(['at', 'at', 'at', 'cron', null])
  })
  it('take along what goes with them only, and give it back', () => {
    const before = { cron: '* * * * *', timezone: 'Asia/Tokyo', other: 'o' }
    expect(choose(before, schema, 'at', {})).toEqual({ other: 'o' })
    expect(choose({ at: 'x', other: 'o' }, schema, 'cron', before)).toEqual(before)
  })
})

describe('a form drawn from a schema', () => {
  const schema = {
    type: 'object',
    additionalProperties: false,
    required: ['topic'],
    properties: { topic: { type: 'string', description: 'Where to.' }, seconds: { anyOf: [{ type: 'number' }, { type: 'null' }] }, cases: { type: 'array', items: { $ref: '#/$defs/Case' } } },
    ...ROOT,
  }
  let last: Record<string, unknown> = {}
  function Host({ value, problems }: { value: Record<string, unknown>; problems?: Record<string, string> }) {
    const [state, setState] = useState<FormState>({ value, memory: {} })
    last = state.value
    return <SchemaForm schema={schema} state={state} onChange={setState} problems={problems} />
  }
  it('writes what is typed, takes out what is emptied, and keeps what it does not know', async () => {
    renderUi(<Host value={{ own: 1 }} />)
    const user = userEvent.setup()
    await user.type(screen.getByRole('textbox', { name: 'Topic *' }), 'orders')
    expect(last).toEqual({ own: 1, topic: 'orders' })
    expect(screen.getByText(/does not know “own”/)).toBeTruthy()
    await user.type(screen.getByRole('textbox', { name: 'Duration' }), '90')
    expect(last.seconds).toBe(90)
    await user.clear(screen.getByRole('textbox', { name: 'Duration' }))
    expect('seconds' in last).toBe(false)
  })
  it('shows problems at their fields', () => {
    renderUi(<Host value={{}} problems={{ '/topic': 'this field is required' }} />)
    expect(screen.getByTestId('field-topic').textContent).toContain('this field is required')
  })
  it('adds, orders and removes items', async () => {
    renderUi(<Host value={{ topic: 'x' }} />)
    const user = userEvent.setup()
    await user.click(screen.getByTestId('add-item-cases'))
    await user.click(screen.getByTestId('add-item-cases'))
    expect(last.cases).toEqual([{ name: 'case 1', expression: '' }, { name: 'case 2', expression: '' }])
    await user.click(screen.getByRole('button', { name: 'Move case 2 up' }))
    await user.click(screen.getByRole('button', { name: 'Remove case 2' }))
    expect(last.cases).toEqual([{ name: 'case 2', expression: '' }])
  })
  it('switches a field with its own buttons', async () => {
    renderUi(<Host value={{ topic: 'x', seconds: 3 }} />)
    const field = screen.getByTestId('field-seconds')
    expect(field.dataset.mode).toBe('fixed')
    await userEvent.setup().click(field.querySelector('[data-testid="mode-expression"]') as HTMLElement)
    expect(last.seconds).toBe('{{ 3 }}')
    expect(field.dataset.mode).toBe('expression')
  })
})
