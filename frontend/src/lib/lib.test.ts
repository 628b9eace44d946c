import { describe, expect, it } from 'vitest'
import { isDrawable, nodeAtPointer, rootsOf, sampleInput, type Definition } from './definition'
import { executionFilterOf, filterAsBody, readExecutionSearch } from './execution-search'
import { decodeRecord } from './kafka-record'
import { isLive, toneOf } from './status'
import { curlCommand, formatBytes, plural, shellWord, shortId, slugFrom } from './text'

const definition: Definition = {
  schema: 'millrace/1',
  nodes: [{ id: 'a', type: 'transform' }, { id: 'b', type: 'delay' }, { id: 'c', type: 'delay' }],
  edges: [{ from: 'a', to: 'b' }],
}

describe('definitions', () => {
  it('start where nothing leads to', () => expect(rootsOf(definition).map(({ id }) => id)).toEqual(['a', 'c']))
  it('know whose problem it is', () => {
    expect(nodeAtPointer(definition, '/definition/nodes/1/config/seconds')?.id).toBe('b')
    expect(nodeAtPointer(definition, '/nodes/2')?.id).toBe('c')
    expect(nodeAtPointer(definition, '/definition/edges/0')).toBeUndefined()
    expect(nodeAtPointer(definition, '/nodes/20')).toBeUndefined()
  })
  it.each([null, [], 'x', {}, { nodes: {} }, { nodes: [{}] }, { nodes: [{ id: 'a', type: 1 }] }, { nodes: [], edges: 'x' }])('%j cannot be drawn', (value) => expect(isDrawable(value)).toBe(false))
  it('can be drawn without edges', () => expect(isDrawable({ nodes: [{ id: 'a', type: 'x' }] })).toBe(true))
})

describe('sampleInput', () => {
  it('takes examples, defaults and types', () => {
    const schema = {
      type: 'object',
      properties: {
        name: { type: 'string', examples: ['Ada'] },
        count: { type: 'integer', minimum: 3 },
        kind: { enum: ['x', 'y'] },
        on: { type: 'boolean', default: true },
        tags: { type: ['array', 'null'] },
        inner: { type: 'object', properties: { text: { type: 'string' } } },
      },
    }
    expect(sampleInput(schema)).toEqual({ name: 'Ada', count: 3, kind: 'x', on: true, tags: [], inner: { text: '' } })
  })
  it.each([undefined, true, null, {}])('is an empty object for %j', (schema) => expect(sampleInput(schema)).toEqual({}))
})

describe('words for a shell', () => {
  it.each([['plain-1.2', 'plain-1.2'], ['two words', "'two words'"], ["it's", `'it'\\''s'`], ['', "''"], ['a$b', "'a$b'"]])('%s', (word, quoted) => expect(shellWord(word)).toBe(quoted))
  it('makes a command', () => {
    const command = curlCommand({ method: 'POST', url: 'http://h/api/trigger/x?wait=5', headers: { 'Content-Type': 'application/json' }, body: { name: "O'Hara" } })
    expect(command).toBe(`curl -X POST 'http://h/api/trigger/x?wait=5' \\\n  -H 'Content-Type: application/json' \\\n  -d '{"name":"O'\\''Hara"}'`)
    expect(curlCommand({ method: 'GET', url: 'http://h/x' })).toBe('curl http://h/x')
  })
})

describe('texts', () => {
  it('counts', () => expect([plural(1, 'run'), plural(2, 'run'), plural(0, 'run'), plural(1200, 'run')]).toEqual(['1 run', '2 runs', '0 runs', '1,200 runs']))
  it('shortens ids to what tells them apart', () => expect([shortId('exe_01m832h6a9pf821b60ej544j07'), shortId('bootstrap')]).toEqual(['exe_…544j07', 'bootstrap']))
  it('makes slugs', () => expect(['Über die Brücke!', '  ', 'A'.repeat(80)].map(slugFrom)).toEqual(['uber-die-brucke', 'workflow', 'a'.repeat(50)]))
  it('sizes', () => expect([999, 1500, 2_500_000].map(formatBytes)).toEqual(['999 B', '1.5 kB', '2.5 MB']))
})

describe('the search of the executions page', () => {
  it('keeps what it understands', () => {
    expect(readExecutionSearch({ status: 'failed', q: 'x', range: '24h', from: 'never', other: 1 })).toEqual({ status: 'failed', q: 'x', range: '24h' })
    expect(readExecutionSearch({ status: 'nonsense', range: '2y', q: '', version: '0', due: 'maybe', node_status: 'queued', when: 'created', finished_to: 'x' })).toEqual({})
    const all = { version: '12', label: 'billing', due: 'true', error: 'http.500', node_id: 'a', node_status: 'failed', node_retried: 'false', when: 'ended' as const, finished_from: '2026-11-23T11:00:00Z' }
    expect(readExecutionSearch(all)).toEqual(all)
    expect(readExecutionSearch({ version: 3 }).version).toBe('3')
  })
  it('turns a range into a time that holds for a minute', () => {
    const now = Date.UTC(2026, 10, 23, 12, 0, 30)
    expect(executionFilterOf({ status: 'failed', range: '1h' }, now)).toEqual({ status: 'failed', from: '2026-11-23T11:00:00.000Z', to: undefined })
    expect(executionFilterOf({ from: 'x' }, now)).toEqual({ from: 'x' })
    expect(executionFilterOf({ when: 'ended', range: '1h', version: 'draft' }, now)).toEqual({ version: 'draft', finished_from: '2026-11-23T11:00:00.000Z' })
  })
  it('is a body where numbers are numbers', () => {
    expect(filterAsBody({ version: '3', due: 'false', q: 'x' })).toEqual({ version: 3, due: false, q: 'x' })
    expect(filterAsBody({ version: 'draft' })).toEqual({ version: 'draft' })
  })
})

describe('status words', () => {
  it('know what lives', () => expect(['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled'].map(isLive)).toEqual([true, true, true, false, false, false]))
  it('have a tone, known or not', () => expect([toneOf('failed'), toneOf('succeeded'), toneOf('what?')]).toEqual(['error', 'ok', 'neutral']))
})

describe('Kafka records', () => {
  const base64 = (text: string) => btoa(String.fromCharCode(...new TextEncoder().encode(text)))
  it('are read as JSON, as text, or kept', () => {
    expect(decodeRecord({ topic: 't', key: base64('schlüssel'), value: base64('{"n": 1}') })).toEqual({ topic: 't', key: 'schlüssel', value: { n: 1 } })
    expect(decodeRecord({ value: btoa('\xff\xfe') })).toEqual({ value: { base64: '//4=' } })
    expect(decodeRecord({ value: null })).toEqual({ value: null })
    expect(decodeRecord(null)).toBeNull()
  })
})
