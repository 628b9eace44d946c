import { expect, it } from 'vitest'
import type { Definition } from '@/lib/definition'
import { emptyHistory, recorded, redone, undone, type History } from './history'

const named = (name: string): Definition => ({ schema: 'millrace/1', nodes: [{ id: 'a', type: 't', name }] })
const nameOf = (definition: Definition | undefined) => definition?.nodes[0]?.name

it('takes gestures back one by one, and does them again', () => {
  let history: History = emptyHistory
  history = recorded(history, named('0'), { label: 'one' }, 0)
  history = recorded(history, named('1'), { label: 'two' }, 10)
  const first = undone(history, named('2'))
  expect([nameOf(first?.definition), first?.label]).toEqual(['1', 'two'])
  const second = undone(first?.history ?? emptyHistory, named('1'))
  expect(nameOf(second?.definition)).toBe('0')
  const again = redone(second?.history ?? emptyHistory, named('0'))
  expect([nameOf(again?.definition), again?.label]).toEqual(['1', 'one'])
  expect(undone(emptyHistory, named('x'))).toBeNull()
})

it('makes one of a burst with the same key, and two after a pause', () => {
  let history: History = emptyHistory
  for (const at of [0, 500, 1400]) history = recorded(history, named(String(at)), { label: 'nudge', key: 'k' }, at)
  expect(history.past.length).toBe(1)
  expect(nameOf(undone(history, named('now'))?.definition)).toBe('0')
  history = recorded(history, named('later'), { label: 'nudge', key: 'k' }, 2_401)
  expect(history.past.length).toBe(2)
  expect(recorded(history, named('x'), { label: 'other', key: 'l' }, 2_402).past.length).toBe(3)
})

it('forgets what was undone when something new is done, and the oldest beyond a hundred', () => {
  let history: History = emptyHistory
  for (let at = 0; at < 150; at++) history = recorded(history, named(String(at)), { label: 'x' }, at)
  expect(history.past.length).toBe(100)
  const back = undone(history, named('now'))?.history ?? emptyHistory
  expect(back.future.length).toBe(1)
  expect(recorded(back, named('new'), { label: 'y' }, 0).future).toEqual([])
})
