/** From the drawing to what the canvas library is given. What has not changed stays the same object, so that it is not rendered again. */
import { MarkerType, type Edge, type Node } from '@xyflow/react'
import { edgeTaken, type Drawing, type DrawnNode, type GraphNodeState } from '../graph/model'
import type { Spots } from '../model/edit'
import type { Note } from '../model/scope'

export interface StepData extends Record<string, unknown> {
  drawn: DrawnNode
  status?: string
  attempts?: number
  errors: number
  warnings: number
  /** Ports that lead nowhere yet, each with a plus; null on a canvas that is only looked at. */
  open: string[] | null
  /** How many of a loop's iterations succeeded, of how many. */
  change?: 'added' | 'removed' | 'changed'
  pinned?: boolean
}

export interface NoteData extends Record<string, unknown> {
  note: Note
}

export type StepNode = Node<StepData, 'step'>
export type NoteNode = Node<NoteData, 'note'>
export type FlowNode = StepNode | NoteNode

export interface WayData extends Record<string, unknown> {
  labelled: boolean
  insertable: boolean
}
export type FlowEdge = Edge<WayData>

export interface Shown {
  drawing: Drawing
  spots: Spots
  notes: readonly Note[]
  selected: ReadonlySet<string>
  states?: Record<string, GraphNodeState>
  issues?: Record<string, { errors: number; warnings: number }>
  changes?: Record<string, 'added' | 'removed' | 'changed'>
  pinned?: ReadonlySet<string>
  editable: boolean
}

const sameDrawn = (one: DrawnNode, other: DrawnNode): boolean =>
  one.title === other.title && one.subtitle === other.subtitle && one.kind === other.kind && one.icon === other.icon && one.height === other.height &&
  one.disabled === other.disabled && one.ports.length === other.ports.length && one.ports.every((port, index) => port === other.ports[index])

function sameStep(one: StepNode, other: StepNode): boolean {
  const { drawn, open, ...rest } = one.data
  const { drawn: otherDrawn, open: otherOpen, ...otherRest } = other.data
  return (
    one.position.x === other.position.x && one.position.y === other.position.y && one.selected === other.selected && sameDrawn(drawn, otherDrawn) &&
    (open?.join('\n') ?? null) === (otherOpen?.join('\n') ?? null) && Object.keys(rest).every((name) => rest[name] === otherRest[name])
  )
}

export function stepNodes({ drawing, spots, selected, states, issues, changes, pinned, editable }: Shown, before: ReadonlyMap<string, FlowNode>): StepNode[] {
  const used = new Set(drawing.edges.map(({ source, port }) => `${source}\n${port}`))
  return drawing.nodes.map((drawn) => {
    const state = states?.[drawn.id]
    const node: StepNode = {
      id: drawn.id,
      type: 'step',
      position: spots[drawn.id] ?? { x: 0, y: 0 },
      width: drawn.width,
      height: drawn.height,
      measured: { width: drawn.width, height: drawn.height },
      selected: selected.has(drawn.id),
      draggable: editable && !drawn.isTrigger,
      deletable: false,
      zIndex: 1,
      ariaLabel: `${drawn.title}, ${drawn.subtitle}${state ? `, ${state.status}` : ''}`,
      data: {
        drawn,
        status: state?.status,
        attempts: state?.attempts,
        errors: issues?.[drawn.id]?.errors ?? 0,
        warnings: issues?.[drawn.id]?.warnings ?? 0,
        open: editable ? drawn.ports.filter((port) => !used.has(`${drawn.id}\n${port}`)) : null,
        change: changes?.[drawn.id],
        pinned: pinned?.has(drawn.id),
      },
    }
    const old = before.get(drawn.id)
    return old?.type === 'step' && sameStep(old, node) ? old : node
  })
}

export function noteNodes({ notes, selected, editable }: Shown, before: ReadonlyMap<string, FlowNode>): NoteNode[] {
  return notes.map((note) => {
    const chosen = selected.has(`note:${note.id}`)
    const old = before.get(`note:${note.id}`)
    if (old?.type === 'note' && old.data.note === note && old.selected === chosen && old.draggable === editable) return old
    return {
      id: `note:${note.id}`,
      type: 'note',
      position: { x: note.x, y: note.y },
      width: note.width,
      height: note.height,
      measured: { width: note.width, height: note.height },
      selected: chosen,
      draggable: editable,
      deletable: false,
      zIndex: note.kind === 'group' ? -2 : -1,
      ariaLabel: note.kind === 'group' ? `Group ${note.text}` : `Note: ${note.text}`,
      data: { note },
    }
  })
}

// An arrowhead is drawn once for all edges of its colour, so it cannot take the colour from its edge.
const COLOURS = { idle: 'var(--mr-edge)', dead: 'var(--mr-edge)', taken: 'var(--mr-ok)', running: 'var(--mr-running)' }

export function flowEdges({ drawing, states, editable }: Shown, chosen: ReadonlySet<string>, className: string | undefined): FlowEdge[] {
  const manyPorts = new Map(drawing.nodes.map(({ id, ports }) => [id, ports.length > 1]))
  return drawing.edges.map((edge) => {
    const taken = edgeTaken(edge, states)
    const running = states?.[edge.target]?.status === 'running' && taken !== false
    const state = running ? 'running' : taken === null ? 'idle' : taken ? 'taken' : 'dead'
    const fromTrigger = edge.source.startsWith('trigger:')
    return {
      id: edge.id,
      source: edge.source,
      sourceHandle: edge.port,
      target: edge.target,
      type: 'way',
      className,
      selected: chosen.has(edge.id),
      selectable: editable && !fromTrigger,
      focusable: editable && !fromTrigger,
      reconnectable: editable && !fromTrigger,
      deletable: false,
      ariaLabel: `${edge.source} leads to ${edge.target}${edge.port === 'main' ? '' : ` by ${edge.port}`}`,
      data: { labelled: manyPorts.get(edge.source) ?? false, insertable: editable && !fromTrigger },
      domAttributes: { 'data-state': state, 'data-testid': `edge-${edge.id}` } as never,
      markerEnd: { type: MarkerType.ArrowClosed, width: 14, height: 14, color: chosen.has(edge.id) ? 'var(--mr-primary-text)' : COLOURS[state] },
    }
  })
}
