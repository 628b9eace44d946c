import { beforeEach, describe, expect, it } from 'vitest'
import type { RegistryEntry } from '@/api/types'
import type { Definition } from '@/lib/definition'
import { makeEditor } from './editor'

const entry = (type: string, title: string, ports: string[], required: string[] = []): RegistryEntry => ({
  type, title, ports, description: '', kind: 'action', icon: '', output_schema: {}, effect: 'pure', retry: null,
  config_schema: { type: 'object', required, properties: Object.fromEntries(required.map((name) => [name, { type: 'string' }])) },
})
const registry = [entry('http.request', 'HTTP request', ['main', 'error'], ['url']), entry('condition', 'Condition', ['true', 'false', 'error']), entry('stop', 'Stop', [])]

let definition: Definition
let labels: string[]
const document = {
  read: () => definition,
  change: (next: Definition, { label }: { label: string }) => {
    definition = next
    labels.push(label)
  },
  undo: () => null,
  redo: () => null,
}
const editor = () => makeEditor(document, () => registry)

beforeEach(() => {
  definition = { schema: 'millrace/1', nodes: [], own: 'kept' } as Definition
  labels = []
})

describe('the verbs of the builder', () => {
  it('add after what is chosen, each as one gesture', () => {
    const { add, graph, ui } = editor()
    add('http.request')
    ui.setState({ spots: { http_request: { x: 0, y: 0 } } })
    add('condition')
    ui.setState({ spots: { http_request: { x: 0, y: 0 }, condition: { x: 320, y: 0 } } })
    add('stop')
    expect(graph().edges).toEqual([{ from: 'http_request', to: 'condition' }, { from: 'condition', port: 'true', to: 'stop' }])
    expect(graph().nodes.map(({ ui: place }) => [place?.x, place?.y])).toEqual([[0, 0], [320, 0], [640, 0]])
    expect(labels).toEqual(['Add HTTP request', 'Add Condition', 'Add Stop'])
    expect((definition as { own?: string }).own).toBe('kept')
  })

  it('open what was added, and put nothing behind an end', () => {
    const { add, graph, ui } = editor()
    add('stop')
    expect(ui.getState()).toMatchObject({ nodes: ['stop'], opened: 'stop' })
    add('condition')
    expect(graph().edges).toEqual([])
  })

  it('say why a connection is refused, and change nothing', () => {
    const { add, connect, ui } = editor()
    add('http.request')
    const before = definition
    expect(connect({ from: 'http_request', port: 'main', to: 'http_request' })).toBe(false)
    expect(ui.getState().refusal).toMatch(/lead to itself/)
    expect(definition).toBe(before)
  })

  it('delete what is chosen and close it', () => {
    const { add, remove, graph, ui } = editor()
    add('http.request')
    remove()
    expect([graph().nodes, ui.getState().opened]).toEqual([[], null])
    const count = labels.length
    remove()
    expect(labels.length).toBe(count)
  })

  it('nudge by keys under one name, so that a burst is one gesture', () => {
    const keys: (string | undefined)[] = []
    const { add, nudge, ui, graph } = makeEditor({ ...document, change: (next, gesture) => { definition = next; keys.push((gesture as { key?: string }).key) } }, () => registry)
    add('http.request')
    ui.setState({ spots: { http_request: { x: 0, y: 0 } } })
    for (let times = 0; times < 3; times++) nudge(10, 0)
    expect(graph().nodes[0]?.ui).toEqual({ x: 30, y: 0 })
    expect(new Set(keys.slice(1)).size).toBe(1)
  })

  it('rename a step in what the workflow and a loop give', () => {
    definition = {
      schema: 'millrace/1',
      nodes: [{ id: 'each', type: 'map', config: { body: { nodes: [{ id: 'in', type: 't' }], edges: [], output: '{{ nodes.in.output }}' } } }],
      output: { v: '{{ nodes.each.output }}' },
    }
    const { rename, enter } = editor()
    rename('each', 'all')
    expect(definition.output).toEqual({ v: '{{ nodes.all.output }}' })
    enter(['all'])
    rename('in', 'inner')
    expect(definition.nodes[0]?.config?.body).toEqual({ nodes: [{ id: 'inner', type: 't' }], edges: [], output: '{{ nodes.inner.output }}' })
    expect(labels).toEqual(['Change the id', 'Change the id'])
  })
  it('paste steps, and a curl command as a step', () => {
    const { pasteText, graph } = editor()
    expect(pasteText('curl -X POST https://pay.example/charges -d \'{"amount": 5}\'', { x: 50, y: 60 })).toBe(true)
    expect(graph().nodes[0]).toMatchObject({ type: 'http.request', name: 'POST pay.example', config: { method: 'POST', body: { amount: 5 } }, ui: { x: 50, y: 60 } })
    expect(pasteText('just words', null)).toBe(false)
  })

  it('disable and enable without a trace', () => {
    const { add, toggleDisabled, graph } = editor()
    add('http.request')
    const before = graph().nodes[0]
    toggleDisabled()
    expect(graph().nodes[0]?.disabled).toBe(true)
    toggleDisabled()
    expect(graph().nodes[0]).toEqual(before)
  })

  it('follow a new id', () => {
    const { add, rename, ui, node } = editor()
    add('http.request')
    rename('http_request', 'charge')
    expect([node('charge')?.type, ui.getState().opened]).toEqual(['http.request', 'charge'])
  })
})
