/** What an execution did with each node, for the graph. */
import type { NodeRun } from '@/api/types'
import type { GraphNodeState } from '@/features/builder'
import { portOf, type Definition } from '@/lib/definition'

const WORST_FIRST = ['failed', 'running', 'waiting', 'queued', 'cancelled', 'succeeded', 'skipped']

/** The port a finished run left through, where its output tells: a condition's result, a switch's case, an approval's decision. */
export function portOfRun({ status, output }: NodeRun): string | undefined {
  if (status === 'failed') return 'error'
  if (typeof output !== 'object' || output === null) return undefined
  const { result, case: taken, decision } = output as { result?: unknown; case?: unknown; decision?: unknown }
  if (typeof result === 'boolean') return String(result)
  if (typeof taken === 'string') return taken
  return typeof decision === 'string' ? decision : undefined
}

/** Of several iterations the worst counts; of several attempts the last. `branching`: nodes whose edges leave through more than one port. */
export function statesOf(runs: readonly NodeRun[], branching: ReadonlySet<string>): Record<string, GraphNodeState> {
  const states: Record<string, GraphNodeState> = {}
  const last = new Map<string, NodeRun>()
  for (const run of runs) {
    const key = `${run.node_id}\u0000${run.iteration ?? ''}`
    const known = last.get(key)
    if (!known || run.attempt >= known.attempt) last.set(key, run)
  }
  for (const run of last.values()) {
    const known = states[run.node_id]
    if (known && WORST_FIRST.indexOf(known.status) <= WORST_FIRST.indexOf(run.status)) continue
    const port = branching.has(run.node_id) ? (portOfRun(run) ?? (run.status === 'succeeded' ? 'main' : undefined)) : undefined
    states[run.node_id] = { status: run.status, attempts: run.attempt, port }
  }
  return states
}

/** Nodes whose edges leave through more than one port, or through another than `main`. */
export function branchingNodes(definition: Definition | undefined): Set<string> {
  const ports = new Map<string, Set<string>>()
  for (const edge of definition?.edges ?? []) ports.set(edge.from, (ports.get(edge.from) ?? new Set()).add(portOf(edge)))
  return new Set([...ports].filter(([, used]) => used.size > 1 || !used.has('main')).map(([id]) => id))
}
