import { describe, expect, it } from 'vitest'
import { formatPointer, parsePointer } from './json-pointer'
import { lineOf, locate, pointerAt, readJson, type JsonTree } from './json-source'

const TEXT = `{
  "schema": "millrace/1",
  "nodes": [
    {"id": "a", "config": {"a/b": 1, "url": "x"}},
    {"id": "b"}
  ]
}`

const treeOf = (text: string): JsonTree => {
  const result = readJson(text)
  if (!result.ok) throw new Error(result.error.message)
  return result.tree
}
const at = (text: string, pointer: string): string => {
  const { from, to } = locate(treeOf(text), pointer)
  return text.slice(from, to)
}

describe('readJson', () => {
  it.each(['{}', '[]', 'null', ' [1, -2.5e3, "\\u00e9\\n", {"a": {"b": []}}] ', '"x"', TEXT])('reads what JSON.parse reads: %s', (text) => {
    const result = readJson(text)
    expect(result.ok && result.value).toEqual(JSON.parse(text))
  })
  it.each([
    ['', 'The text ends where a value is expected', 0],
    ['{"a": }', 'A value is expected here', 6],
    ['{"a" 1}', "A ':' is expected here", 5],
    ['{"a": 1 "b": 2}', "A ',' or '}' is expected here", 8],
    ['[1, 2', "The text ends before its ']'", 5],
    ['{a: 1}', 'A name in double quotes is expected here', 1],
    ['{} {}', 'Nothing may follow the value', 3],
    ['["a\nb"]', 'This string is not closed, or holds a character that must be escaped', 1],
    ['[01]', "A ',' or ']' is expected here", 2],
  ])('says what is wrong with %j and where', (text, message, offset) => {
    expect(() => JSON.parse(text) as unknown).toThrow()
    expect(readJson(text)).toEqual({ ok: false, error: { message, offset } })
  })
  it('refuses what is nested without end', () => {
    expect(readJson('['.repeat(100_000))).toMatchObject({ ok: false, error: { message: 'This is nested too deeply' } })
  })
})

describe('locate', () => {
  it('finds values, and the names of objects and lists', () => {
    expect(at(TEXT, '/nodes/0/config/url')).toBe('"x"')
    expect(at(TEXT, '/nodes/0/config/a~1b')).toBe('1')
    expect(at(TEXT, '/nodes/0/config')).toBe('"config"')
    expect(at(TEXT, '/nodes/1')).toBe('{')
    expect(at(TEXT, '')).toBe('{')
  })
  it('gives what holds a missing field', () => {
    expect(at(TEXT, '/nodes/0/config/method')).toBe('"config"')
    expect(at(TEXT, '/nodes/1/type')).toBe('{')
    expect(at(TEXT, '/nodes/7/id')).toBe('"nodes"')
  })
})

describe('pointerAt', () => {
  it('names the innermost value around an offset', () => {
    expect(pointerAt(treeOf(TEXT), TEXT.indexOf('"x"') + 1)).toEqual(['nodes', 0, 'config', 'url'])
    expect(pointerAt(treeOf(TEXT), 0)).toEqual([])
  })
})

it('counts lines and columns from one', () => {
  expect(lineOf(TEXT, TEXT.indexOf('"nodes"'))).toEqual({ line: 3, column: 3 })
  expect(lineOf('x', 0)).toEqual({ line: 1, column: 1 })
})

it('pointers survive the way out and back', () => {
  const parts = ['a/b', '~', '', '0', 'ü']
  expect(parsePointer(formatPointer(parts))).toEqual(parts)
  expect(parsePointer('')).toEqual([])
})
