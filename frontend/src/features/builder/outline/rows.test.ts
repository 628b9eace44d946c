import { expect, it } from 'vitest'
import type { Graph } from '@/lib/graph'
import { rowsOf } from './rows'

const graph: Graph = {
  nodes: ['start', 'big', 'yes', 'no', 'end', 'alone'].map((id) => ({ id, type: id === 'big' ? 'condition' : 't' })),
  edges: [{ from: 'start', to: 'big' }, { from: 'big', port: 'true', to: 'yes' }, { from: 'big', port: 'false', to: 'no' }, { from: 'yes', to: 'end' }, { from: 'no', to: 'end' }],
}
const lines = (given: Graph) =>
  rowsOf(given, ({ type }) => (type === 'condition' ? ['true', 'false'] : ['main'])).map((row) => `${'-'.repeat(row.level)}${row.kind === 'step' ? row.node.id : row.kind === 'port' ? `(${row.port})` : `>${row.to.id}`}`)

it('reads a chain on one level, branches deeper, and a merge once', () => {
  expect(lines(graph)).toEqual(['start', 'big', '-(true)', '--yes', '--end', '-(false)', '--no', '-->end', 'alone'])
})
it('shows what only a circle leads to', () => expect(lines({ nodes: graph.nodes.slice(2, 4), edges: [{ from: 'yes', to: 'no' }, { from: 'no', to: 'yes' }] })).toEqual(['yes', 'no', '>yes']))
