/**
 * The verbs of the builder. Canvas, palette, outline, menus and keys all call these and nothing else; each call is one gesture, so one entry in the
 * history. Knows nothing of React.
 */
import type { RegistryEntry } from '@/api/types'
import type { Definition, DefinitionNode } from '@/lib/definition'
import { edgeId, type Graph } from '@/lib/graph'
import { without } from '@/lib/json-path'
import { plural } from '@/lib/text'
import { outputPorts } from '../graph/model'
import { clipOf, paste, readClip } from '../model/clip'
import { refusal, type Connection } from '../model/connect'
import { hostOf, readCurl } from '../model/curl'
import { addEdge, addNode, COLUMN, freeSpot, insertOnEdge, makeEdge, moveNodes, pinned, removeEdges, removeNodes, renamedIn, renameId, snap, updateNode, type Point, type Spots } from '../model/edit'
import { freshId, idFrom } from '../model/ids'
import { newNode, firstPort } from '../model/new-node'
import { newNote } from '../model/new-note'
import { firstSpot } from '../palette/drop-place'
import { graphAt, notesAt, withGraph, withNotes, withReaders, type Note } from '../model/scope'
import { makeUiStore, type Target, type UiStore } from './ui-store'

/** The definition that is edited, whoever keeps it. */
export interface BuilderDocument {
  read: () => Definition
  change: (next: Definition, gesture: { label: string; key?: string }) => void
  undo: () => string | null
  redo: () => string | null
}

export interface Editor {
  ui: UiStore
  definition: () => Definition
  graph: () => Graph
  entryOf: (type: string) => RegistryEntry | undefined
  node: (id: string) => DefinitionNode | undefined
  /** The way out by which a new step would follow; null for a step that nothing can follow. */
  openPort: (node: DefinitionNode) => string | null
  /** Adds a step and opens it; its id. Without a target: after the chosen step, else beside what is there. */
  add: (type: string, target?: Target, more?: Partial<DefinitionNode>) => string
  connect: (connection: Connection) => boolean
  reconnect: (name: string, connection: Connection) => boolean
  remove: (what?: { nodes?: string[]; edges?: string[]; notes?: string[] }) => void
  move: (spots: Spots, gesture: { label: string; key?: string }) => void
  nudge: (dx: number, dy: number) => void
  update: (id: string, change: (node: DefinitionNode) => DefinitionNode, gesture: { label: string; key?: string }) => void
  changeGraph: (change: (graph: Graph) => Graph, gesture: { label: string; key?: string }) => void
  rename: (id: string, next: string) => void
  copy: () => string | null
  pasteText: (text: string, at: Point | null) => boolean
  duplicate: () => void
  toggleDisabled: () => void
  select: (what: { nodes?: string[]; edges?: string[]; notes?: string[] }) => void
  selectAll: () => void
  open: (id: string | null, field?: string | null) => void
  enter: (scope: string[]) => void
  refuse: (reason: string | null) => void
  undo: () => void
  redo: () => void
  notes: () => Note[]
  changeNotes: (change: (notes: Note[]) => Note[], gesture: { label: string; key?: string }) => void
  addNote: (kind: Note['kind'], at?: Point) => void
}

export function makeEditor(document: BuilderDocument, registry: () => readonly RegistryEntry[]): Editor {
  const ui = makeUiStore()
  const definition = document.read
  const graph = (): Graph => graphAt(definition(), ui.getState().scope) ?? { nodes: [], edges: [] }
  const node = (id: string) => graph().nodes.find((each) => each.id === id)
  const entryOf = (type: string) => registry().find((entry) => entry.type === type)

  const changeGraph: Editor['changeGraph'] = (change, gesture) => {
    const before = graph()
    const after = change(before)
    if (after !== before) document.change(withGraph(definition(), ui.getState().scope, after), gesture)
  }
  const select: Editor['select'] = ({ nodes = [], edges = [], notes = [] }) => ui.setState({ nodes, edges, notes })
  const open: Editor['open'] = (id, field = null) => ui.setState({ opened: id, field })

  const update: Editor['update'] = (id, change, gesture) => changeGraph((before) => updateNode(before, id, change), gesture)

  const beside = (): Point => {
    const spots = Object.values(ui.getState().spots)
    if (spots.length === 0) return firstSpot() ?? { x: 0, y: 0 }
    return { x: Math.max(...spots.map(({ x }) => x)) + COLUMN, y: Math.min(...spots.map(({ y }) => y)) }
  }

  /** After the one chosen step, if something can follow it; else after the last one that leads nowhere; else beside. */
  const defaultTarget = (): Target => {
    const { nodes, opened } = ui.getState()
    const chosen = nodes.length === 1 ? nodes[0] : nodes.length === 0 ? (opened ?? undefined) : undefined
    const found = chosen === undefined ? undefined : node(chosen)
    const port = found ? openPort(found) : null
    return found && port !== null ? { after: found.id, port } : { end: true }
  }

  const portsOf = (each: DefinitionNode) => outputPorts(each, entryOf(each.type), [])

  /** The first way out that leads nowhere yet; the first one when all do. */
  const openPort = (each: DefinitionNode): string | null => {
    const ports = portsOf(each)
    const used = new Set(graph().edges.filter(({ from }) => from === each.id).map(({ port }) => port ?? 'main'))
    return ports.find((port) => !used.has(port) && port !== 'error') ?? ports[0] ?? null
  }

  const add: Editor['add'] = (type, wanted, more) => {
    const target = wanted ?? defaultTarget()
    const before = graph()
    const entry = entryOf(type)
    const taken = new Set(before.nodes.map(({ id }) => id))
    const made = { ...newNode(type, entry, freshId(idFrom(more?.name ?? entry?.title ?? type), taken)), ...more }
    const { spots } = ui.getState()
    const others = Object.values(spots)
    const put = (spot: Point): DefinitionNode => ({ ...made, ui: { ...made.ui, ...freeSpot(spot, others) } })
    const edge = 'edge' in target ? before.edges.find((each) => edgeId(each) === target.edge) : undefined
    let after: Graph
    if (edge) after = insertOnEdge(before, made, firstPort(made, entry), edge, spots)
    else if ('after' in target) {
      const from = spots[target.after] ?? { x: 0, y: 0 }
      const source = node(target.after)
      const ports = source ? portsOf(source) : []
      const lane = Math.max(0, ports.indexOf(target.port))
      after = addEdge(addNode(pinned(before, spots), put({ x: from.x + COLUMN, y: from.y + lane * 96 })), makeEdge(target.after, target.port, made.id))
    } else after = addNode(pinned(before, spots), put('at' in target ? target.at : beside()))
    document.change(withGraph(definition(), ui.getState().scope, after), { label: `Add ${entry?.title ?? type}` })
    ui.setState({ nodes: [made.id], edges: [], notes: [], opened: made.id, field: null, picker: null, refusal: null })
    return made.id
  }

  const refuse: Editor['refuse'] = (reason) => ui.setState({ refusal: reason })

  const connect: Editor['connect'] = (connection) => {
    const reason = refusal(graph(), connection, entryOf)
    refuse(reason)
    if (reason !== null) return false
    changeGraph((before) => addEdge(pinned(before, ui.getState().spots), makeEdge(connection.from, connection.port, connection.to)), { label: 'Connect' })
    return true
  }

  const reconnect: Editor['reconnect'] = (name, connection) => {
    const rest = removeEdges(graph(), new Set([name]))
    const reason = refusal(rest, connection, entryOf)
    refuse(reason)
    if (reason !== null) return false
    changeGraph(() => addEdge(rest, makeEdge(connection.from, connection.port, connection.to)), { label: 'Reconnect' })
    return true
  }

  const chosen = () => (({ nodes, edges, notes }) => ({ nodes, edges, notes }))(ui.getState())

  const remove: Editor['remove'] = (what = chosen()) => {
    const { nodes = [], edges = [], notes = [] } = what
    const own = nodes.filter((id) => node(id))
    if (own.length + edges.length + notes.length === 0) return
    let next = withGraph(definition(), ui.getState().scope, removeNodes(removeEdges(pinned(graph(), ui.getState().spots), new Set(edges)), new Set(own)))
    const gone = new Set(notes)
    if (gone.size > 0) next = withNotes(next, ui.getState().scope, notesAt(next, ui.getState().scope).filter(({ id }) => !gone.has(id)))
    document.change(next, { label: own.length > 0 ? `Delete ${plural(own.length, 'step')}` : edges.length > 0 ? 'Delete the connection' : 'Delete the note' })
    const { opened } = ui.getState()
    ui.setState({ nodes: [], edges: [], notes: [], opened: opened !== null && own.includes(opened) ? null : opened })
  }

  const notes = () => notesAt(definition(), ui.getState().scope)
  const changeNotes: Editor['changeNotes'] = (change, gesture) => document.change(withNotes(definition(), ui.getState().scope, change(notes())), gesture)

  const move: Editor['move'] = (spots, gesture) => {
    const { scope, spots: shown } = ui.getState()
    const moved = moveNodes(pinned(graph(), shown), spots)
    let next = withGraph(definition(), scope, moved)
    if (notes().some(({ id }) => spots[id])) {
      next = withNotes(next, scope, notes().map((note) => (spots[note.id] ? { ...note, x: snap(spots[note.id]?.x ?? note.x), y: snap(spots[note.id]?.y ?? note.y) } : note)))
    }
    document.change(next, gesture)
  }

  const nudge: Editor['nudge'] = (dx, dy) => {
    const { nodes, notes: noted, spots } = ui.getState()
    const ids = nodes.filter((id) => spots[id] && node(id))
    const shown = notes().filter(({ id }) => noted.includes(id))
    if (ids.length + shown.length === 0) return
    const to = Object.fromEntries([
      ...ids.map((id) => [id, { x: (spots[id]?.x ?? 0) + dx, y: (spots[id]?.y ?? 0) + dy }] as const),
      ...shown.map(({ id, x, y }) => [id, { x: x + dx, y: y + dy }] as const),
    ])
    ui.setState({ spots: { ...spots, ...Object.fromEntries(ids.map((id) => [id, to[id] ?? { x: 0, y: 0 }])) } })
    move(to, { label: `Move ${plural(ids.length + shown.length, 'step')}`, key: `nudge ${[...ids, ...noted].join(' ')}` })
  }

  const insert = (coming: Graph, at: Point | null, label: string) => {
    const { graph: after, ids } = paste(pinned(graph(), ui.getState().spots), coming, at)
    document.change(withGraph(definition(), ui.getState().scope, after), { label })
    select({ nodes: ids })
  }

  const copy = () => {
    const ids = new Set(ui.getState().nodes.filter((id) => node(id)))
    return ids.size > 0 ? clipOf(pinned(graph(), ui.getState().spots), ids) : null
  }

  const pasteText: Editor['pasteText'] = (text, at) => {
    const clip = readClip(text)
    if (clip) {
      insert(clip, at, `Paste ${plural(clip.nodes.length, 'step')}`)
      return true
    }
    const curl = readCurl(text)
    if (!curl || !entryOf('http.request')) return false
    add('http.request', at ? { at } : undefined, { config: curl, name: `${curl.method} ${hostOf(curl.url)}` })
    return true
  }

  return {
    ui, definition, graph, entryOf, node, openPort, add, connect, reconnect, remove, move, nudge, update, changeGraph, copy, pasteText, select, open, refuse, notes, changeNotes,
    rename: (id, next) => {
      const { scope } = ui.getState()
      document.change(withReaders(withGraph(definition(), scope, renameId(graph(), id, next)), scope, (value) => renamedIn(value, id, next)), { label: 'Change the id' })
      const swap = (ids: string[]) => ids.map((each) => (each === id ? next : each))
      ui.setState(({ nodes, opened, spots }) => {
        const { [id]: spot, ...rest } = spots
        return { nodes: swap(nodes), opened: opened === id ? next : opened, spots: spot ? { ...rest, [next]: spot } : rest }
      })
    },
    duplicate: () => {
      const text = copy()
      const clip = text === null ? null : readClip(text)
      if (clip) insert(clip, null, `Duplicate ${plural(clip.nodes.length, 'step')}`)
    },
    toggleDisabled: () => {
      const ids = new Set(ui.getState().nodes)
      const on = graph().nodes.some((each) => ids.has(each.id) && !each.disabled)
      const change = (each: DefinitionNode): DefinitionNode => {
        if (!ids.has(each.id)) return each
        return on ? { ...each, disabled: true } : without(each, 'disabled')
      }
      changeGraph((before) => ({ ...before, nodes: before.nodes.map(change) }), { label: on ? 'Disable' : 'Enable' })
    },
    selectAll: () => select({ nodes: graph().nodes.map(({ id }) => id), notes: notes().map(({ id }) => id) }),
    enter: (scope) => ui.setState({ scope, nodes: [], edges: [], notes: [], opened: null, picker: null, spots: {}, refusal: null }),
    undo: () => void document.undo(),
    redo: () => void document.redo(),
    addNote: (kind, at = ui.getState().pointer ?? beside()) => {
      const { nodes, spots } = ui.getState()
      const note = newNote(kind, at, nodes.map((id) => spots[id]).filter((spot) => spot !== undefined), notes())
      changeNotes((before) => [...before, note], { label: kind === 'note' ? 'Add a note' : 'Group' })
      select({ notes: [note.id] })
    },
  }
}
