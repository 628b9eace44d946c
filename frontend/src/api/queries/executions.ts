import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import type { Definition } from '@/lib/definition'
import { filterAsBody, type ExecutionFilter as Filter } from '@/lib/execution-search'
import { isLive } from '@/lib/status'
import { api } from '../client'
import type { Execution, ExecutionEvent, ExecutionSummary, Page, Started } from '../types'

export interface ExecutionFilter extends Filter {
  /** Only those that this execution started. */
  parent_id?: string
}

export const executionKeys = {
  all: ['executions'] as const,
  one: (id: string) => ['executions', 'one', id] as const,
}

const LIST_POLL = 3_000

export const executionListQuery = (filter: ExecutionFilter = {}, limit = 50, poll: number | false = LIST_POLL) =>
  infiniteQueryOptions({
    queryKey: [...executionKeys.all, 'list', filter, limit],
    queryFn: ({ pageParam, signal }) => api.get<Page<ExecutionSummary>>('/executions', { ...filter, limit, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    // Only the newest page is looked at again: pages further down do not change by themselves often enough to matter.
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) > 1 ? false : poll),
  })

export interface ExecutionCount {
  executions: number
  /** Of the node the filter names. */
  node_runs: number | null
  /** There are more than were counted. */
  more: boolean
}

/** How many the filter matches, up to ten thousand. */
export const executionCountQuery = (filter: ExecutionFilter) =>
  queryOptions({
    queryKey: [...executionKeys.all, 'count', filter],
    queryFn: ({ signal }) => api.get<ExecutionCount>('/executions/count', { ...filter }, signal),
    refetchInterval: 10_000,
    placeholderData: keepPreviousData,
  })

export const recentExecutionsQuery = (filter: ExecutionFilter, limit: number, poll: number | false = LIST_POLL) =>
  queryOptions({
    queryKey: [...executionKeys.all, 'recent', filter, limit],
    queryFn: ({ signal }) => api.get<Page<ExecutionSummary>>('/executions', { ...filter, limit }, signal),
    refetchInterval: poll,
  })

/** `poll`: milliseconds while the execution lives and no event stream is open. */
export const executionQuery = (id: string, poll: number | false = 1_500) =>
  queryOptions({
    queryKey: executionKeys.one(id),
    queryFn: ({ signal }) => api.get<Execution>(`/executions/${id}`, undefined, signal),
    refetchInterval: (query) => (query.state.data && isLive(query.state.data.status) ? poll : false),
  })

/** What an execution runs, exactly; it never changes. */
export const executionDefinitionQuery = (id: string) =>
  queryOptions({
    queryKey: [...executionKeys.one(id), 'definition'],
    queryFn: async ({ signal }) => (await api.get<{ definition: Definition }>(`/executions/${id}/definition`, undefined, signal)).definition,
    staleTime: Infinity,
  })

export const executionEventsQuery = (id: string, live: boolean) =>
  queryOptions({
    queryKey: [...executionKeys.one(id), 'events'],
    queryFn: async ({ signal }) => (await api.get<Page<ExecutionEvent>>(`/executions/${id}/events`, undefined, signal)).items,
    refetchInterval: live ? 2_000 : false,
  })

export const cancelExecution = (id: string) => api.post<{ id: string; status: string }>(`/executions/${id}/cancel`)
export interface RetryBody {
  /** The first node to run again; without it, those that failed. */
  from?: string
  input?: unknown
  new_keys?: boolean
}

/** Runs an ended execution again, as a new one. */
export const retryExecution = (id: string, body: RetryBody = {}) => api.post<Started>(`/executions/${id}/retry`, body)

export interface BulkAnswer {
  matched: number
  done: number
  more: boolean
}

/** Does it to all that the filter matches; `dry_run` only counts. */
export const bulkExecutions = (action: 'cancel' | 'retry', filter: ExecutionFilter, dry_run: boolean) => api.post<BulkAnswer>('/executions/bulk', { action, filter: filterAsBody(filter), dry_run })

/** Ends the wait of a node, of one iteration in a loop. */
export const wakeNode = (id: string, nodeId: string, iteration?: string | null) => api.post<{ id: string; status: string }>(`/executions/${id}/nodes/${nodeId}/wake${iteration ? `?iteration=${encodeURIComponent(iteration)}` : ''}`)

/** Input and output of one run, whatever their size. */
export const payloadsQuery = (id: string, nodeId: string, iteration: string | null, attempt: number) =>
  queryOptions({
    queryKey: [...executionKeys.one(id), 'payloads', nodeId, iteration, attempt],
    queryFn: ({ signal }) => api.get<{ input: unknown; output: unknown }>(`/executions/${id}/nodes/${nodeId}/output`, { iteration, attempt }, signal),
    staleTime: Infinity,
  })
