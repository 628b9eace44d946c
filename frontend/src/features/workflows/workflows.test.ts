import { CompletionContext } from '@codemirror/autocomplete'
import { EditorState } from '@codemirror/state'
import { describe, expect, it } from 'vitest'
import type { RegistryEntry } from '@/api/types'
import { definitionCompletion } from './definition-completion'
import { inputProblems } from './run-input'

describe('completion in a definition', () => {
  const registry = [{ type: 'delay', title: 'Delay', ports: ['main'] }, { type: 'condition', title: 'Condition', ports: ['true', 'false'] }] as RegistryEntry[]
  const offered = async (text: string) => {
    const state = EditorState.create({ doc: text })
    const result = await definitionCompletion(registry)(new CompletionContext(state, text.length, true))
    return result?.options.map(({ label }) => label) ?? null
  }
  it('offers types, ids, ports and words', async () => {
    expect(await offered('{"type": "de')).toEqual(['delay', 'condition'])
    expect(await offered('{"id": "one"},{"id": "two"} {"from": "')).toEqual(['one', 'two'])
    expect(await offered('{"port": "')).toEqual(['main', 'true', 'false'])
    expect(await offered('{"on_error": "')).toEqual(['fail', 'branch', 'continue'])
  })
  it('keeps quiet elsewhere', async () => expect([await offered('{"name": "'), await offered('{"na')]).toEqual([null, null]))
})

it('finds the problems of an input among those of the request', () => {
  expect(inputProblems({ '/input/total': 'must be a number', '/version': 'x', '/input': 'required' })).toEqual([{ pointer: '/total', message: 'must be a number' }, { pointer: '', message: 'required' }])
})
