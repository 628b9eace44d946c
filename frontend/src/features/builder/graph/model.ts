/** From a definition to the nodes and edges that are drawn. Pure; knows nothing of the canvas library. */
import type { RegistryEntry } from '@/api/types'
import { portOf, rootsOf, type Definition, type DefinitionNode } from '@/lib/definition'
import { edgeId } from '@/lib/graph'

/** What an execution did with a node. */
export interface GraphNodeState {
  status: string
  attempts: number
  /** The port it left through, when it is known. */
  port?: string
}

export interface GraphTrigger {
  id: string
  type: string
  title: string
  subtitle: string
  active: boolean
}

export interface DefinitionGraphProps {
  definition: Definition
  registry: RegistryEntry[]
  label: string
  states?: Record<string, GraphNodeState>
  triggers?: GraphTrigger[]
  /** How many errors and warnings each node has. */
  issues?: Record<string, { errors: number; warnings: number }>
  /** How a step differs from another version. */
  changes?: Record<string, 'added' | 'removed' | 'changed'>
  selected?: string | null
  /** How much of the right side is covered while a step is selected. */
  covered?: number
  onSelect?: (nodeId: string | null) => void
}

export interface DrawnNode {
  id: string
  kind: string
  icon?: string
  title: string
  subtitle: string
  ports: string[]
  width: number
  height: number
  disabled: boolean
  isTrigger: boolean
  position?: { x: number; y: number }
}

export interface DrawnEdge {
  id: string
  source: string
  port: string
  target: string
}

export interface Drawing {
  nodes: DrawnNode[]
  edges: DrawnEdge[]
}

export const NODE_WIDTH = 232
export const NODE_HEIGHT = 60
const PORT_HEIGHT = 22
const MAIN = 'main'

const heightFor = (ports: number): number => Math.max(NODE_HEIGHT, 16 + ports * PORT_HEIGHT)

/** Every way out of a node that is worth drawing: those of its type, of its cases, and those an edge uses. */
export function outputPorts(node: DefinitionNode, entry: RegistryEntry | undefined, used: readonly string[]): string[] {
  const cases = Array.isArray(node.config?.cases) ? (node.config.cases as unknown[]) : []
  const named = cases.map((item) => (typeof item === 'object' && item !== null ? (item as { name?: unknown }).name : undefined))
  const ports = new Set([...named.filter((name): name is string => typeof name === 'string'), ...(entry?.ports ?? [MAIN]), ...used])
  // The error port matters only where errors branch off.
  if (node.on_error !== 'branch' && !used.includes('error')) ports.delete('error')
  return [...ports]
}

/** What a node does, in one line: the first telling field of its config. */
export function subtitleOf(node: DefinitionNode, entry: RegistryEntry | undefined): string {
  const config = node.config ?? {}
  const text = (name: string) => (typeof config[name] === 'string' || typeof config[name] === 'number' ? String(config[name]) : '')
  if (text('url')) return `${text('method') || 'GET'} ${text('url').replace(/^https?:\/\//, '')}`
  if (text('seconds')) return `${text('seconds')} s`
  const telling = ['expression', 'until', 'topic', 'workflow', 'message', 'name', 'status'].map(text).find((value) => value !== '')
  // Its type, unless that is what it is called anyway.
  return telling ?? (entry && node.name === entry.title ? plainText(entry.description) : (entry?.title ?? node.type))
}

/** A description's first words, without the marks for code. */
const plainText = (text: string): string => text.replaceAll('`', '').split(/\. |: /)[0] ?? ''

export function draw({ definition, registry, triggers = [] }: Pick<DefinitionGraphProps, 'definition' | 'registry' | 'triggers'>): Drawing {
  const types = new Map(registry.map((entry) => [entry.type, entry]))
  const ids = new Set(definition.nodes.map(({ id }) => id))
  const edges = (definition.edges ?? []).filter(({ from, to }) => ids.has(from) && ids.has(to))
  const used = new Map<string, string[]>()
  for (const edge of edges) used.set(edge.from, [...(used.get(edge.from) ?? []), portOf(edge)])

  const names = new Set<string>()
  const unique = (name: string, index: number) => {
    const own = names.has(name) ? `${name}#${index}` : name
    names.add(own)
    return own
  }
  const nodes = definition.nodes.map((node): DrawnNode => {
    const entry = types.get(node.type)
    const ports = outputPorts(node, entry, used.get(node.id) ?? [])
    return {
      id: node.id,
      kind: entry?.kind ?? 'error',
      icon: entry?.icon,
      title: node.name ?? node.id,
      subtitle: entry ? subtitleOf(node, entry) : `unknown type ${node.type}`,
      ports,
      width: NODE_WIDTH,
      height: heightFor(ports.length),
      disabled: node.disabled ?? false,
      isTrigger: false,
      position: typeof node.ui?.x === 'number' && typeof node.ui.y === 'number' ? { x: node.ui.x, y: node.ui.y } : undefined,
    }
  })
  const drawnEdges = edges.map((edge, index): DrawnEdge => ({ id: unique(edgeId(edge), index), source: edge.from, port: portOf(edge), target: edge.to }))
  const roots = rootsOf({ ...definition, edges })
  const starts = triggers.map((trigger) => drawTrigger(trigger, types))
  const startEdges = starts.flatMap((start) => roots.map((root): DrawnEdge => ({ id: `${start.id}-${root.id}`, source: start.id, port: MAIN, target: root.id })))
  return { nodes: [...starts, ...nodes], edges: [...startEdges, ...drawnEdges] }
}

const TRIGGER_ICONS: Record<string, string> = { api: 'webhook', schedule: 'clock', kafka: 'messages', workflow: 'sitemap' }

function drawTrigger(trigger: GraphTrigger, types: Map<string, RegistryEntry>): DrawnNode {
  return {
    id: `trigger:${trigger.id}`,
    kind: 'trigger',
    icon: types.get(trigger.type)?.icon ?? TRIGGER_ICONS[trigger.type],
    title: trigger.title,
    subtitle: trigger.subtitle,
    ports: [MAIN],
    width: NODE_WIDTH,
    height: NODE_HEIGHT,
    disabled: !trigger.active,
    isTrigger: true,
  }
}

/** Whether an execution went along an edge; null where nothing says so yet. */
export function edgeTaken(edge: DrawnEdge, states: Record<string, GraphNodeState> | undefined): boolean | null {
  if (!states) return null
  if (edge.source.startsWith('trigger:')) return true
  const source = states[edge.source]
  const target = states[edge.target]
  if (!source || ['queued', 'running', 'waiting'].includes(source.status)) return null
  if (source.status === 'skipped' || source.status === 'cancelled') return false
  if (source.port !== undefined) return source.port === edge.port
  return target === undefined ? null : target.status !== 'skipped'
}
