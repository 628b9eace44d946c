/** Whether two steps may be joined, and if not, why. */
import type { RegistryEntry } from '@/api/types'
import { portOf } from '@/lib/definition'
import { pathBetween, type Graph } from '@/lib/graph'
import { outputPorts } from '../graph/model'

export interface Connection {
  from: string
  port: string
  to: string
}

const TRIGGER = 'trigger:'

/** Null when the edge may be drawn; else the reason, for people. */
export function refusal(graph: Graph, { from, port, to }: Connection, entryOf: (type: string) => RegistryEntry | undefined): string | null {
  const byId = new Map(graph.nodes.map((node) => [node.id, node]))
  const name = (id: string) => byId.get(id)?.name ?? id
  if (to.startsWith(TRIGGER)) return 'A trigger only starts the workflow; nothing can lead to it.'
  if (from.startsWith(TRIGGER)) {
    const incoming = graph.edges.some((edge) => edge.to === to)
    return incoming ? `A trigger starts the steps nothing leads to; “${name(to)}” already follows another step.` : `“${name(to)}” already starts with the trigger.`
  }
  const source = byId.get(from)
  if (!source || !byId.has(to)) return 'One of the two steps is not here any more.'
  if (from === to) return 'A step cannot lead to itself. To repeat something, put it in a loop over a list.'
  if (graph.edges.some((edge) => edge.from === from && portOf(edge) === port && edge.to === to)) return `“${name(from)}” already leads to “${name(to)}” this way.`
  const ports = outputPorts(source, entryOf(source.type), [])
  if (ports.length === 0) return `“${name(from)}” ends the workflow; nothing can follow it.`
  if (!ports.includes(port)) return `“${name(from)}” has no way out called “${port}”; it has ${ports.join(', ')}.`
  const back = pathBetween(graph, to, from)
  if (back) return `That would go round in a circle: ${[...back, to].map(name).join(' → ')}. To repeat something, put it in a loop over a list.`
  return null
}
