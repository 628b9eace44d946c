import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { useExecutionStream } from '@/api/live'
import { executionQuery } from '@/api/queries/executions'
import type { Execution } from '@/api/types'
import type { RunData } from '@/features/builder'
import type { Definition } from '@/lib/definition'
import { isLive } from '@/lib/status'
import { branchingNodes, statesOf } from './run-states'

const POLL = 1_000
const SLOW_POLL = 10_000

/** An execution as the builder shows it on the draft: states that follow what happens, and the data of each step. */
export function useShownRun(id: string | undefined, definition: Definition): { execution: Execution | undefined; run: RunData | null; error: unknown } {
  const first = useQuery({ ...executionQuery(id ?? '', false), enabled: id !== undefined })
  const live = first.data ? isLive(first.data.status) : false
  const following = useExecutionStream(id ?? '', live && id !== undefined)
  const query = useQuery({ ...executionQuery(id ?? '', following ? SLOW_POLL : POLL), enabled: id !== undefined })
  const execution = id === undefined ? undefined : query.data
  const run = useMemo((): RunData | null => {
    if (!execution) return null
    const outputs: Record<string, unknown> = {}
    for (const each of execution.nodes) if (each.status === 'succeeded') outputs[each.node_id] = each.output
    return { id: execution.id, status: execution.status, input: execution.input, trigger: execution.trigger, outputs, states: statesOf(execution.nodes, branchingNodes(definition)) }
  }, [execution, definition])
  return { execution, run, error: query.error }
}
