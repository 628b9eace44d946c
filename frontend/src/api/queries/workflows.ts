import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import type { Definition } from '@/lib/definition'
import { api, call, type Answer } from '../client'
import type { Issue, Page, Started, Validation, Version, VersionSummary, Workflow, WorkflowCreate, WorkflowSummary } from '../types'

export interface WorkflowFilter {
  q?: string
  label?: string
}

export const workflowKeys = {
  all: ['workflows'] as const,
  one: (id: string) => ['workflows', 'one', id] as const,
}

export const workflowListQuery = (filter: WorkflowFilter = {}, limit = 50) =>
  infiniteQueryOptions({
    queryKey: [...workflowKeys.all, 'list', filter, limit],
    queryFn: ({ pageParam, signal }) => api.get<Page<WorkflowSummary>>('/workflows', { ...filter, limit, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  })

/** Names for tables that only know ids; the newest 200. */
export const workflowNamesQuery = () =>
  queryOptions({
    queryKey: [...workflowKeys.all, 'names'],
    queryFn: ({ signal }) => api.get<Page<WorkflowSummary>>('/workflows', { limit: 200 }, signal),
    staleTime: 30_000,
  })

export interface TaggedWorkflow {
  workflow: Workflow
  etag: string
}

const tagged = ({ data, etag }: Answer<Workflow>): TaggedWorkflow => ({ workflow: data, etag: etag ?? '' })

export const readWorkflow = async (id: string, signal?: AbortSignal) => tagged(await call<Workflow>('GET', `/workflows/${id}`, { signal }))

export const workflowQuery = (id: string) =>
  queryOptions({ queryKey: workflowKeys.one(id), queryFn: ({ signal }) => readWorkflow(id, signal) })

export const versionsQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: [...workflowKeys.one(id), 'versions'],
    queryFn: ({ pageParam, signal }) => api.get<Page<VersionSummary>>(`/workflows/${id}/versions`, { limit: 50, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  })

/** A version never changes, so it is read once. */
export const versionQuery = (id: string, version: number) =>
  queryOptions({
    queryKey: [...workflowKeys.one(id), 'version', version],
    queryFn: ({ signal }) => api.get<Version>(`/workflows/${id}/versions/${version}`, undefined, signal),
    staleTime: Infinity,
  })

/** Whether the draft is what is live: nodes, edges and settings that differ. */
export const draftDiffQuery = (id: string, version: number | null, revision: number) =>
  queryOptions({
    queryKey: [...workflowKeys.one(id), 'diff', version, revision],
    queryFn: ({ signal }) => api.get<{ identical: boolean }>(`/workflows/${id}/versions/${version}/diff/draft`, undefined, signal),
    enabled: version !== null,
    staleTime: Infinity,
  })

export const createWorkflow = (body: WorkflowCreate) => api.post<Workflow>('/workflows', body)

export interface WorkflowPatch {
  name?: string
  slug?: string
  description?: string
  labels?: string[]
  enabled?: boolean
}

export const patchWorkflow = async (id: string, body: WorkflowPatch) => tagged(await call<Workflow>('PATCH', `/workflows/${id}`, { body }))

/** Saves the draft if it is still the one `etag` names; else throws 412 `precondition_failed`. */
export const saveDraft = async (id: string, definition: Definition, etag: string) =>
  tagged(await call<Workflow>('PATCH', `/workflows/${id}`, { body: { definition }, headers: { 'If-Match': etag } }))

/** Publishes the draft that `etag` names, so that nobody publishes what they have not seen. */
export const publishWorkflow = async (id: string, etag?: string) =>
  (await call<VersionSummary>('POST', `/workflows/${id}/publish`, { headers: etag ? { 'If-Match': etag } : {} })).data

export const rollbackWorkflow = (id: string, version: number) => api.post<Workflow>(`/workflows/${id}/versions/${version}/rollback`)
/** `cancel` cancels what runs of it first; without, it is refused (`live_executions`) while something does. */
export const deleteWorkflow = (id: string, cancel = false) => api.delete(`/workflows/${id}${cancel ? '?cancel=true' : ''}`)

export const validateDefinition = async (definition: unknown, signal?: AbortSignal): Promise<Issue[]> =>
  (await call<Validation>('POST', '/workflows/validate', { body: { definition }, signal })).data.issues

export interface RunRequest {
  input?: unknown
  version?: number | 'draft'
  idempotency_key?: string
  /** With the draft: the last step to run. */
  until?: string
}

export const runWorkflow = (id: string, body: RunRequest) => api.post<Started>(`/workflows/${id}/executions`, body)
export const exportWorkflow = (id: string) => api.get<Record<string, unknown>>(`/workflows/${id}/export`)
export const importWorkflow = (document: unknown) => api.post<Workflow & { warnings: string[] }>('/workflows/import', document)
