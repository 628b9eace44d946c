import { describe, expect, it } from 'vitest'
import type { ActionDocument } from '@/api/types'
import { documentOf, fieldsOf, NEW_ACTION, problemsOf, schemaOf, textProblem, withLanguage } from './model'

const WEATHER: ActionDocument = {
  type: 'weather.current', title: 'Current weather', description: 'Now', icon: 'cloud', documentation: '# Weather',
  config_schema: { type: 'object', properties: { city: { type: 'string' } } },
  http: { method: 'GET', url: 'https://api.example.com/{city}', path: { city: '{{ input.city }}' } },
  output: { degrees: '{{ response.body.temp }}' }, output_schema: { type: 'object' }, retry: { max_attempts: 2 }, example: { city: 'Berlin' },
}

describe('the document of an action', () => {
  it('comes back as it was', () => expect(documentOf(fieldsOf(WEATHER))).toEqual(WEATHER))
  it('has either a call or code', () => {
    const written: ActionDocument = { ...WEATHER, http: undefined, function: { language: 'javascript', source: 'function main() {}' } }
    expect(documentOf(fieldsOf(written))).toEqual(written)
    expect(documentOf({ ...fieldsOf(written), way: 'http' })).not.toHaveProperty('function')
  })
  it('leaves out what is empty', () => expect(Object.keys(documentOf({ ...NEW_ACTION, type: ' a.b ', title: ' A ' }) ?? {}).sort()).toEqual(['config_schema', 'description', 'documentation', 'http', 'icon', 'title', 'type']))
  it('is not there while a text is no JSON', () => {
    const fields = { ...NEW_ACTION, texts: { ...NEW_ACTION.texts, config_schema: '{' } }
    expect([documentOf(fields), schemaOf(fields)]).toEqual([null, null])
    expect(textProblem('config_schema', '{')).toContain('Not JSON yet')
    expect(textProblem('retry', '[1]')).toBe('This must be a JSON object')
    expect(textProblem('output', '"{{ response }}"')).toBeNull()
  })
})

it('keeps code that somebody wrote when the language changes', () => {
  expect(withLanguage(NEW_ACTION.code, 'javascript').source).toContain('function main')
  expect(withLanguage({ language: 'python', source: 'mine' }, 'javascript')).toEqual({ language: 'javascript', source: 'mine' })
})

it('puts problems where they belong', () => {
  const found = problemsOf({ '/http/url': 'missing', '/type': 'taken', '/config_schema/type': 'write object', '': 'too large' })
  expect(found).toEqual({ call: { '/url': 'missing' }, fields: { type: 'taken', config_schema: '/type: write object' }, rest: ['too large'] })
})
