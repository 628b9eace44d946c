import { describe, expect, it } from 'vitest'
import type { RegistryEntry } from '@/api/types'
import type { Definition, DefinitionEdge } from '@/lib/definition'
import { ancestorsOf, pathBetween, topologicalOrder, type Graph } from '@/lib/graph'
import { clipOf, paste, readClip } from './clip'
import { refusal } from './connect'
import { readCurl, shellWords } from './curl'
import { freeSpot, insertOnEdge, moveNodes, removeNodes, renameId, renamePort } from './edit'
import { freshId, idFrom, idProblem } from './ids'
import { graphAt, notesAt, placeOf, withGraph, withNotes } from './scope'

const graphOf = (edges: [string, string, string?][], more: Record<string, object> = {}): Graph => ({
  nodes: [...new Set(edges.flatMap(([from, to]) => [from, to]))].map((id) => ({ id, type: 'transform', ...more[id] })),
  edges: edges.map(([from, to, port]): DefinitionEdge => (port ? { from, port, to } : { from, to })),
})
const CHAIN = graphOf([['a', 'b'], ['b', 'c']])
const SPOTS = { a: { x: 0, y: 0 }, b: { x: 320, y: 0 }, c: { x: 640, y: 0 } }

describe('questions about a graph', () => {
  it('knows what comes before', () => expect([...ancestorsOf(CHAIN, 'c')].sort()).toEqual(['a', 'b']))
  it('finds a way', () => expect([pathBetween(CHAIN, 'a', 'c'), pathBetween(CHAIN, 'c', 'a')]).toEqual([['a', 'b', 'c'], null]))
  it('orders, with circles last', () => expect(topologicalOrder(graphOf([['c', 'b'], ['b', 'a'], ['x', 'y'], ['y', 'x']]))).toEqual(['c', 'b', 'a', 'x', 'y']))
})

describe('connecting', () => {
  const entry = (ports: string[]) => ({ ports }) as RegistryEntry
  const types: Record<string, RegistryEntry> = { transform: entry(['main', 'error']), stop: entry([]) }
  const reason = (graph: Graph, from: string, to: string, port = 'main') => refusal(graph, { from, port, to }, (type) => types[type])
  it.each([
    ['itself', 'a', 'a', 'main', /lead to itself/],
    ['a circle', 'c', 'a', 'main', /circle: a → b → c → a/],
    ['twice', 'a', 'b', 'main', /already leads/],
    ['a port it has not', 'a', 'c', 'true', /no way out called “true”/],
    ['a trigger as target', 'a', 'trigger:t', 'main', /only starts/],
    ['a trigger to a later step', 'trigger:t', 'b', 'main', /already follows/],
    ['a step that is gone', 'a', 'z', 'main', /not here/],
  ])('refuses %s and says why', (_, from, to, port, words) => expect(reason(CHAIN, from, to, port)).toMatch(words))
  it('refuses what follows an end', () => expect(reason({ nodes: [{ id: 's', type: 'stop' }, { id: 't', type: 'stop' }], edges: [] }, 's', 't')).toMatch(/ends the workflow/))
  it('lets the rest be', () => expect([reason(CHAIN, 'a', 'c'), reason(graphOf([['a', 'b'], ['x', 'y']]), 'b', 'x')]).toEqual([null, null]))
})

describe('changing a graph', () => {
  it('inserts on an edge, keeps its port and what it does not know, and makes room', () => {
    const graph = { ...CHAIN, edges: [{ from: 'a', port: 'true', to: 'b', note: 'mine' } as DefinitionEdge, { from: 'b', to: 'c' }] }
    const after = insertOnEdge(graph, { id: 'n', type: 'delay' }, 'main', graph.edges[0] as DefinitionEdge, SPOTS)
    expect(after.edges).toEqual([{ from: 'a', port: 'true', to: 'n', note: 'mine' }, { from: 'n', to: 'b' }, { from: 'b', to: 'c' }])
    const place = Object.fromEntries(after.nodes.map(({ id, ui }) => [id, ui?.x]))
    expect(place).toEqual({ a: 0, n: 320, b: 640, c: 960 })
  })
  it('inserts in the middle where there is room', () => {
    const after = insertOnEdge(graphOf([['a', 'b']]), { id: 'n', type: 'delay' }, 'main', { from: 'a', to: 'b' }, { a: { x: 0, y: 0 }, b: { x: 800, y: 0 } })
    expect(after.nodes.find(({ id }) => id === 'n')?.ui).toEqual({ x: 400, y: 0 })
  })
  it('leaves the target unreached behind a step that ends everything', () => expect(insertOnEdge(CHAIN, { id: 's', type: 'stop' }, null, { from: 'a', to: 'b' }, SPOTS).edges).toEqual([{ from: 'a', to: 's' }, { from: 'b', to: 'c' }]))
  it('joins the neighbours of one that is taken out between them', () => {
    expect(removeNodes(CHAIN, new Set(['b'])).edges).toEqual([{ from: 'a', to: 'c' }])
    expect(removeNodes(graphOf([['a', 'b'], ['b', 'c'], ['b', 'd']]), new Set(['b'])).edges).toEqual([])
    expect(removeNodes(CHAIN, new Set(['b', 'c'])).edges).toEqual([])
  })
  it('snaps what is moved', () => expect(moveNodes(CHAIN, { a: { x: 13, y: -7 } }).nodes[0]?.ui).toEqual({ x: 10, y: -10 }))
  it('keeps what else is in a node’s ui', () => expect(moveNodes(graphOf([['a', 'b']], { a: { ui: { x: 1, colour: 'red' } } }), { a: { x: 20, y: 0 } }).nodes[0]?.ui).toEqual({ x: 20, y: 0, colour: 'red' }))
  it('finds a free spot below', () => expect(freeSpot({ x: 0, y: 0 }, [{ x: 0, y: 0 }])).toEqual({ x: 0, y: 96 }))
  it('takes expressions along when an id changes', () => {
    const graph = graphOf([['a', 'b']], { b: { config: { x: '{{ nodes.a.output.v + nodes.ab.output }}', list: ['nodes.a.error'] }, undo: 'a' } })
    expect(renameId(graph, 'a', 'first').nodes[1]).toMatchObject({ config: { x: '{{ nodes.first.output.v + nodes.ab.output }}', list: ['nodes.first.error'] }, undo: 'first' })
    expect(renameId(graph, 'a', 'first').edges).toEqual([{ from: 'first', to: 'b' }])
  })
  it('takes every way to read it along, also within a loop that has no step of that id itself', () => {
    const body = { nodes: [{ id: 'in', type: 't', config: { v: 'nodes.a.output' } }], output: 'nodes.a' }
    const shadow = { nodes: [{ id: 'a', type: 't' }], output: 'nodes.a' }
    const config = { x: "nodes['a'].output + nodes[\"a\"].v + has(nodes.?a) + my_nodes.a", one: body, two: shadow }
    expect(renameId(graphOf([['a', 'b']], { b: { config, ui: { fields: { '/x': { other: '{{ nodes.a }}' } } } } }), 'a', 'z').nodes[1]).toMatchObject({
      config: { x: "nodes['z'].output + nodes[\"z\"].v + has(nodes.?z) + my_nodes.a", one: { nodes: [{ config: { v: 'nodes.z.output' } }], output: 'nodes.z' }, two: shadow },
      ui: { fields: { '/x': { other: '{{ nodes.z }}' } } },
    })
  })
  it('takes edges along when a case is renamed', () => expect(renamePort(graphOf([['a', 'b', 'one']]), 'a', 'one', 'two').edges).toEqual([{ from: 'a', port: 'two', to: 'b' }]))
})

describe('ids', () => {
  it('are made of names', () => expect(['HTTP request', 'Größe!', '12 o’clock', ''].map(idFrom)).toEqual(['http_request', 'groe', 'oclock', 'step']))
  it('are free and no words of CEL', () => expect([freshId('a', new Set(['a', 'a_2'])), freshId('in', new Set())]).toEqual(['a_3', 'in_']))
  it('say what is wrong with them', () => expect([idProblem('a', new Set()), idProblem('A', new Set()), idProblem('true', new Set()), idProblem('a', new Set(['a']))].map((each) => each === null)).toEqual([true, false, false, false]))
})

describe('copy and paste', () => {
  it('keeps edges within what is copied, and gives ids of its own where they are taken', () => {
    const graph = graphOf([['a', 'b'], ['b', 'c']], { b: { config: { v: '{{ nodes.a.output }}' } } })
    const clip = readClip(clipOf(graph, new Set(['a', 'b'])))
    expect(clip?.edges).toEqual([{ from: 'a', to: 'b' }])
    const { graph: after, ids } = paste(graph, clip as Graph, { x: 100, y: 100 })
    expect(ids).toEqual(['a_2', 'b_2'])
    expect(after.edges.slice(-1)).toEqual([{ from: 'a_2', to: 'b_2' }])
    expect(after.nodes.at(-1)?.config).toEqual({ v: '{{ nodes.a_2.output }}' })
  })
  it('does not let two steps of a clip fall into one', () => {
    const { ids } = paste(graphOf([['a', 'x']]), { nodes: [{ id: 'a', type: 't' }, { id: 'a_2', type: 't' }], edges: [] }, null)
    expect(new Set(ids).size).toBe(2)
  })
  it('reads definitions and exports, and nothing else', () => {
    const definition = { schema: 'millrace/1', nodes: [{ id: 'a', type: 't' }] }
    expect([readClip(JSON.stringify(definition)), readClip(JSON.stringify({ name: 'x', definition }))].map((each) => each?.nodes.length)).toEqual([1, 1])
    expect([readClip('hello'), readClip('{"nodes": []}'), readClip('{"nodes": [1]}'), readClip('null')]).toEqual([null, null, null, null])
  })
})

describe('a pasted curl command', () => {
  it('is split as a shell would', () => expect(shellWords(`curl -H 'a: b c' "x\\"y" $'l\\n' z\\ w \\\n end`)).toEqual(['curl', '-H', 'a: b c', 'x"y', 'l\n', 'z w', 'end']))
  it.each([
    [`curl https://a.example/x`, { method: 'GET', url: 'https://a.example/x' }],
    [`curl -X PUT https://a.example -H 'Content-Type: application/json' -d '{"a": 1}'`, { method: 'PUT', url: 'https://a.example', body: { a: 1 } }],
    [`curl https://a.example --data-raw 'a=1&b=2'`, { method: 'POST', url: 'https://a.example', body: { a: '1', b: '2' }, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }],
    [`curl -G https://a.example -d q=1`, { method: 'GET', url: 'https://a.example?q=1' }],
    [`curl -sSL -o out -u me:pw a.example`, { method: 'GET', url: 'http://a.example', headers: { Authorization: 'Basic bWU6cHc=' } }],
    [`curl -XPOST -H"X-A: b" --url=https://a.example`, { method: 'POST', url: 'https://a.example', headers: { 'X-A': 'b' } }],
    [`wget https://a.example`, null],
    [`curl`, null],
  ])('%s', (text, config) => expect(readCurl(text)).toEqual(config))
})

describe('loops within loops', () => {
  const definition: Definition = {
    schema: 'millrace/1',
    nodes: [{ id: 'each', type: 'map', config: { items: 'input', body: { nodes: [{ id: 'inner', type: 'map', config: { body: { nodes: [{ id: 'deep', type: 't' }], kept: 1 } } }], output: 'x' } } }],
    settings: { timeout_seconds: 5 },
  }
  it('are reached, changed, and keep what is not known', () => {
    expect(graphAt(definition, ['each', 'inner'])?.nodes.map(({ id }) => id)).toEqual(['deep'])
    expect(graphAt(definition, ['each', 'gone'])).toBeNull()
    const after = withGraph(definition, ['each', 'inner'], { nodes: [{ id: 'new', type: 't' }], edges: [] })
    expect(after).toEqual(JSON.parse(JSON.stringify(definition).replace('"deep"', '"new"')))
  })
  it('are found by pointers', () => {
    expect(placeOf(definition, '/definition/nodes/0/config/body/nodes/0/config/body/nodes/0/type')).toEqual({ scope: ['each', 'inner'], node: 'deep', rest: '/type' })
    expect(placeOf(definition, '/nodes/0/config/items')).toEqual({ scope: [], node: 'each', rest: '/config/items' })
    expect(placeOf(definition, '/settings')).toEqual({ scope: [], node: null, rest: '/settings' })
  })
  it('have notes of their own', () => {
    const note = { id: 'n', kind: 'note' as const, text: 'x', x: 0, y: 0, width: 10, height: 10 }
    const after = withNotes(withNotes(definition, [], [note]), ['each'], [note, note])
    expect([notesAt(after, []).length, notesAt(after, ['each']).length, notesAt(after, ['each', 'inner']).length]).toEqual([1, 2, 0])
  })
})
