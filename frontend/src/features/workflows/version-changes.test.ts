import { expect, it } from 'vitest'
import type { Definition } from '@/lib/definition'
import { changesBetween, togetherOf } from './version-changes'

const before: Definition = { schema: 'millrace/1', nodes: [{ id: 'a', type: 't', config: { x: 1, y: 2 }, ui: { x: 0 } }, { id: 'b', type: 't' }, { id: 'gone', type: 't' }], edges: [{ from: 'a', to: 'b' }, { from: 'b', to: 'gone' }] }
const after: Definition = { schema: 'millrace/1', nodes: [{ id: 'a', type: 't', config: { y: 2, x: 1 }, ui: { x: 50 } }, { id: 'b', type: 't', disabled: true }, { id: 'new', type: 't' }], edges: [{ from: 'a', to: 'new' }] }

it('tells what is new, different and gone; places and the order of fields mean nothing', () => {
  expect(changesBetween(before, after)).toEqual({ b: 'changed', new: 'added', gone: 'removed' })
  expect(changesBetween(after, after)).toEqual({})
})

it('draws both together, without edges between what is still there', () => {
  const both = togetherOf(before, after)
  expect(both.nodes.map(({ id }) => id)).toEqual(['a', 'b', 'new', 'gone'])
  expect(both.edges).toEqual([{ from: 'a', to: 'new' }, { from: 'b', to: 'gone' }])
})

it('draws what is gone beside what stands in its place now', () => {
  const at = (id: string, x: number, y: number) => ({ id, type: 't', ui: { x, y } })
  const both = togetherOf({ schema: 'millrace/1', nodes: [at('a', 0, 0), at('old', 320, 0), at('far', 900, 0)] }, { schema: 'millrace/1', nodes: [at('a', 0, 0), at('new', 330, 10)] })
  expect(both.nodes.map(({ id, ui }) => [id, ui?.x, ui?.y])).toEqual([['a', 0, 0], ['new', 330, 10], ['old', 320, 96], ['far', 900, 0]])
})
