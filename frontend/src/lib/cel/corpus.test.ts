// @vitest-environment node
/** The shared corpus: the preview gives for every expression what the server gives (tests/unit/expressions/test_corpus.py runs the same file). */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { encodeJson, evaluate, parseJson, syntaxError, type Scope } from './index'

interface Case {
  expression: string
  error?: boolean
  value?: unknown
}
interface Corpus {
  now: string
  seed: string
  scope: Scope
  cases: Case[]
}

const corpus = parseJson(readFileSync(resolve(import.meta.dirname, '../../../../tests/corpus/expressions.json'), 'utf8')) as Corpus
const at = { now: new Date(corpus.now), seed: corpus.seed }

describe('the corpus', () => {
  it('has at least 300 expressions', () => {
    expect(corpus.cases.length).toBeGreaterThanOrEqual(300)
  })

  it.each(corpus.cases.map((each) => [each.expression, each] as const))('%s', (expression, wanted) => {
    const got = evaluate(expression, corpus.scope, at, true)
    const shown = got.ok ? encodeJson(got.value) : 'an error'
    expect(shown).toBe(wanted.error ? 'an error' : encodeJson(wanted.value))
  })
})

it('takes values as JSON.parse gives them', () => {
  expect(evaluate('input.a + 1', { input: { a: 1 } })).toEqual({ ok: true, value: 2n })
  expect(evaluate('input.a * 2', { input: { a: 1.5 } })).toEqual({ ok: true, value: 3 })
})

it('says what is wrong without names of its own', () => {
  const failed = evaluate("'a'.padStart('x')", {})
  expect(failed).toMatchObject({ ok: false })
  expect(failed.ok ? '' : failed.error).toContain('it takes: string.padStart(int)')
  expect(syntaxError('1 +')).not.toBeNull()
  expect(syntaxError('1 + 1')).toBeNull()
})
