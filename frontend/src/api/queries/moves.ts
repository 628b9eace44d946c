/** Moving executions that have not ended to another version. */
import { queryOptions } from '@tanstack/react-query'
import { api } from '../client'
import type { MoveAnswer, MoveOutcome } from '../types'
import { executionKeys } from './executions'

export interface MoveFilter {
  /** Only those that run this version. */
  version?: number
  /** Only those that wait at this node. */
  node_id?: string
}

export interface Moves {
  items: MoveOutcome[]
  counts: Record<MoveOutcome['outcome'], number>
  /** There are more than were asked of. */
  more: boolean
}

const PAGES = 25

/** Every page of it, up to 5,000 executions; `dry_run` only says what would happen. */
export async function moveExecutions(workflowId: string, version: number, filter: MoveFilter, dry_run: boolean, signal?: AbortSignal): Promise<Moves> {
  const found: Moves = { items: [], counts: { movable: 0, moved: 0, blocked: 0, held: 0 }, more: false }
  let cursor: string | null = null
  for (let page = 0; page < PAGES; page++) {
    signal?.throwIfAborted()
    const answer: MoveAnswer = await api.post<MoveAnswer>(`/workflows/${workflowId}/versions/${version}/move`, { filter, dry_run, limit: 200, cursor })
    found.items.push(...answer.items)
    for (const { outcome } of answer.items) found.counts[outcome]++
    cursor = answer.next_cursor
    if (cursor === null) return found
  }
  return { ...found, more: true }
}

/** Which could move now, which could not and why. */
export const movesQuery = (workflowId: string, version: number, filter: MoveFilter) =>
  queryOptions({
    queryKey: [...executionKeys.all, 'moves', workflowId, version, filter],
    queryFn: ({ signal }) => moveExecutions(workflowId, version, filter, true, signal),
    gcTime: 0,
  })
