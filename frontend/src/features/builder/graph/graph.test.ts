import { describe, expect, it } from 'vitest'
import type { RegistryEntry } from '@/api/types'
import type { Definition } from '@/lib/definition'
import { givenPlaces, toElk } from './layout'
import { draw, edgeTaken, outputPorts, subtitleOf, type DrawnEdge } from './model'
import { firstView, READABLE } from './viewport'

const entry = (type: string, ports: string[], kind = 'action'): RegistryEntry => ({
  type, kind, ports, title: type.toUpperCase(), description: '', icon: 'x', config_schema: {}, output_schema: {}, effect: 'pure', retry: null,
})
const registry = [entry('http.request', ['main', 'error']), entry('condition', ['true', 'false', 'error'], 'logic'), entry('switch', ['default', 'error'], 'logic'), entry('stop', ['main'])]

const definition: Definition = {
  schema: 'millrace/1',
  nodes: [
    { id: 'ask', type: 'http.request', name: 'Ask', config: { method: 'POST', url: 'https://pay.example/x' }, on_error: 'branch' },
    { id: 'decide', type: 'condition', config: { expression: 'a > 1' } },
    { id: 'way', type: 'switch', config: { cases: [{ name: 'large', expression: 'x' }, { nonsense: 1 }] } },
    { id: 'odd', type: 'no.such.type' },
  ],
  edges: [
    { from: 'ask', to: 'decide' },
    { from: 'decide', port: 'true', to: 'way' },
    { from: 'ask', port: 'error', to: 'gone' },
  ],
}

describe('drawing a definition', () => {
  const drawing = draw({ definition, registry, triggers: [{ id: 't', type: 'api', title: 'HTTP', subtitle: 'POST', active: true }] })

  it('draws every node, known or not, and a trigger before the roots', () => {
    expect(drawing.nodes.map(({ id, kind, isTrigger }) => [id, kind, isTrigger])).toEqual([
      ['trigger:t', 'trigger', true], ['ask', 'action', false], ['decide', 'logic', false], ['way', 'logic', false], ['odd', 'error', false],
    ])
    expect(drawing.edges.filter(({ source }) => source === 'trigger:t').map(({ target }) => target)).toEqual(['ask', 'odd'])
  })
  it('leaves out edges that lead nowhere', () => expect(drawing.edges.map(({ target }) => target)).not.toContain('gone'))
  it('gives ports for types, cases and error branches', () => {
    const ports = Object.fromEntries(drawing.nodes.map(({ id, ports: names }) => [id, names]))
    expect(ports).toMatchObject({ ask: ['main', 'error'], decide: ['true', 'false'], way: ['large', 'default'], odd: ['main'] })
  })
  it('draws the error port where an edge uses it', () => expect(outputPorts({ id: 'x', type: 'stop' }, registry[3], ['error'])).toEqual(['main', 'error']))
  it('says what a node does', () => {
    const [ask, decide, way] = definition.nodes
    expect([ask, decide, way].map((node) => node && subtitleOf(node, registry.find(({ type }) => type === node.type)))).toEqual(['POST pay.example/x', 'a > 1', 'SWITCH'])
  })
  it('gives the layouter each port once, and edges between ports', () => {
    const graph = toElk(drawing)
    const ports = (graph.children ?? []).flatMap((child) => (child.ports ?? []).map(({ id }) => id))
    expect(new Set(ports).size).toBe(ports.length)
    for (const { sources, targets } of graph.edges ?? []) expect([...sources, ...targets].every((id) => ports.includes(id))).toBe(true)
  })
})

describe('places people gave', () => {
  const placed = (spots: ([number, number] | null)[]): Definition => ({
    schema: 'millrace/1',
    nodes: spots.map((spot, index) => ({ id: `n${index}`, type: 'stop', ...(spot ? { ui: { x: spot[0], y: spot[1] } } : {}) })),
  })
  const places = (spots: ([number, number] | null)[]) => givenPlaces(draw({ definition: placed(spots), registry, triggers: [{ id: 't', type: 'api', title: '', subtitle: '', active: true }] }))
  it('are kept, with triggers to the left', () => expect(places([[0, 10], [320, 10]])).toEqual({ n0: { x: 0, y: 10 }, n1: { x: 320, y: 10 }, 'trigger:t': { x: -320, y: 10 } }))
  it('leave room for a node that has none', () => expect(places([[0, 0], null])).toEqual({ n0: { x: 0, y: 0 }, n1: { x: 0, y: 96 }, 'trigger:t': { x: -320, y: 0 } }))
  it('are not used when nobody gave one, or all are the same', () => {
    expect(places([null, null])).toBeNull()
    expect(places([[0, 0], [0, 0]])).toBeNull()
    expect(places([])).toEqual({ 'trigger:t': { x: 0, y: 0 } })
  })
})

describe('the way an execution took', () => {
  const edge = (source: string, port: string, target: string): DrawnEdge => ({ id: 'e', source, port, target })
  const states = { a: { status: 'succeeded', attempts: 1, port: 'true' }, b: { status: 'running', attempts: 1 }, s: { status: 'skipped', attempts: 0 }, c: { status: 'succeeded', attempts: 1 } }
  it.each([
    ['trigger:x', 'main', 'a', true],
    ['a', 'true', 'b', true],
    ['a', 'false', 's', false],
    ['b', 'main', 'z', null],
    ['s', 'main', 'z', false],
    ['c', 'main', 's', false],
    ['c', 'main', 'a', true],
    ['c', 'main', 'z', null],
    ['z', 'main', 'a', null],
  ])('%s by %s to %s: %s', (source, port, target, taken) => expect(edgeTaken(edge(source, port, target), states)).toBe(taken))
  it('is not known of a draft', () => expect(edgeTaken(edge('a', 'true', 'b'), undefined)).toBeNull())
})

describe('what is seen first', () => {
  const box = (x: number, y: number) => ({ position: { x, y }, width: 232, height: 60 })
  const stage = { width: 1000, height: 600 }
  it('is everything, centred, never enlarged', () => {
    const view = firstView([box(0, 0), box(320, 0)], stage)
    expect(view?.zoom).toBe(1)
    expect(view?.x).toBeCloseTo((1000 - 552) / 2)
    expect(view?.y).toBeCloseTo(270)
  })
  it('is the beginning, still readable, when everything is too much', () => {
    const view = firstView([box(6000, 0), box(-320, 50)], stage)
    expect(view?.zoom).toBe(READABLE)
    expect(view?.x).toBeCloseTo(40 + 320 * READABLE)
  })
  it('is nothing of nothing', () => {
    expect(firstView([], stage)).toBeNull()
    expect(firstView([box(0, 0)], { width: 0, height: 0 })).toBeNull()
  })
})
