import { describe, expect, it } from 'vitest'
import { fieldsOfSchema, typeWords } from './schema-fields'

describe('schemas in words', () => {
  const schema = {
    $defs: { Case: { type: 'object', properties: {} } },
    required: ['url'],
    properties: {
      url: { type: 'string', description: 'Where to' },
      method: { enum: ['GET', 'POST'], default: 'GET' },
      cases: { type: 'array', items: { $ref: '#/$defs/Case' } },
      when: { anyOf: [{ type: 'string', format: 'cel' }, { type: 'null' }], default: null },
      headers: { type: 'object', additionalProperties: { type: 'string' } },
      body: {},
    },
  }
  it('lists fields', () => {
    expect(fieldsOfSchema(schema).map(({ name, type, required, fallback }) => [name, type, required, fallback])).toEqual([
      ['url', 'string', true, null],
      ['method', 'one of GET, POST', false, '"GET"'],
      ['cases', 'list of object', false, null],
      ['when', 'CEL expression', false, null],
      ['headers', 'object of string', false, null],
      ['body', 'any JSON', false, null],
    ])
  })
  it('stands without anything', () => expect([fieldsOfSchema({}), typeWords({})]).toEqual([[], 'any JSON']))
})
