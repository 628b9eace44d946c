/** A graph as lines to read from top to bottom: a chain stays on its level, a branch goes one deeper, a way back into what was already read is a reference. Pure. */
import { portOf, type DefinitionNode } from '@/lib/definition'
import { edgeId, type Graph } from '@/lib/graph'

export type Row =
  | { kind: 'step'; key: string; level: number; node: DefinitionNode }
  | { kind: 'port'; key: string; level: number; from: string; port: string; empty: boolean }
  | { kind: 'goto'; key: string; level: number; edge: string; to: DefinitionNode }

export function rowsOf(graph: Graph, portsOf: (node: DefinitionNode) => string[]): Row[] {
  const byId = new Map(graph.nodes.map((node) => [node.id, node]))
  const reached = new Set(graph.edges.map(({ to }) => to))
  const seen = new Set<string>()
  const rows: Row[] = []

  const follow = (from: DefinitionNode, port: string, level: number) => {
    for (const edge of graph.edges.filter((each) => each.from === from.id && portOf(each) === port)) {
      const next = byId.get(edge.to)
      if (!next) continue
      if (seen.has(next.id)) rows.push({ kind: 'goto', key: `goto ${edgeId(edge)}`, level, edge: edgeId(edge), to: next })
      else visit(next, level)
    }
  }

  const visit = (node: DefinitionNode, level: number) => {
    seen.add(node.id)
    rows.push({ kind: 'step', key: node.id, level, node })
    const used = graph.edges.filter(({ from }) => from === node.id)
    const ports = [...new Set([...portsOf(node), ...used.map(portOf)])]
    const [only] = ports
    if (ports.length === 1 && only !== undefined && used.length <= 1) return follow(node, only, level)
    for (const port of ports) {
      rows.push({ kind: 'port', key: `${node.id} ${port}`, level: level + 1, from: node.id, port, empty: !used.some((edge) => portOf(edge) === port) })
      follow(node, port, level + 2)
    }
  }

  for (const node of graph.nodes) if (!reached.has(node.id)) visit(node, 0)
  // What only a circle leads to.
  for (const node of graph.nodes) if (!seen.has(node.id)) visit(node, 0)
  return rows
}
