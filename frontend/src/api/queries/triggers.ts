import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api } from '../client'
import { ApiProblem } from '../problem'
import type { DeadLetter, DeliveryOutcome, HealthChange, Occurrences, Page, PresetCreate, Trigger, TriggerDelivery, TriggerPreset, TriggerTest, TriggerType } from '../types'

export const triggerKeys = {
  all: ['triggers'] as const,
  one: (id: string) => ['triggers', 'one', id] as const,
}

export const triggerListQuery = (filter: { workflow_id?: string; type?: TriggerType } = {}, limit = 50) =>
  infiniteQueryOptions({
    queryKey: [...triggerKeys.all, 'list', filter, limit],
    queryFn: ({ pageParam, signal }) => api.get<Page<Trigger>>('/triggers', { ...filter, limit, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: 10_000,
  })

export const triggerQuery = (id: string) =>
  queryOptions({
    queryKey: triggerKeys.one(id),
    queryFn: ({ signal }) => api.get<Trigger>(`/triggers/${id}`, undefined, signal),
    refetchInterval: 10_000,
  })

/** A schedule's ledger, newest first, with what it plans next. */
export const occurrencesQuery = (id: string, limit = 60) =>
  queryOptions({
    queryKey: [...triggerKeys.one(id), 'occurrences', limit],
    queryFn: ({ signal }) => api.get<Occurrences>(`/triggers/${id}/occurrences`, { limit }, signal),
    refetchInterval: 10_000,
  })

/** What came in at an HTTP trigger within a week, newest first. */
export const triggerDeliveriesQuery = (id: string, outcome: DeliveryOutcome | undefined) =>
  infiniteQueryOptions({
    queryKey: [...triggerKeys.one(id), 'deliveries', outcome],
    queryFn: ({ pageParam, signal }) => api.get<Page<TriggerDelivery>>(`/triggers/${id}/deliveries`, { outcome, limit: 20, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) > 1 ? false : 5_000),
  })

export const triggerDeliveryQuery = (id: string, delivery: string) =>
  queryOptions({
    queryKey: [...triggerKeys.one(id), 'delivery', delivery],
    queryFn: ({ signal }) => api.get<TriggerDelivery>(`/triggers/${id}/deliveries/${delivery}`, undefined, signal),
  })

export const replayDelivery = (id: string, delivery: string) => api.post<{ execution_id: string }>(`/triggers/${id}/deliveries/${delivery}/replay`)

/** When it became unhealthy and why, and when it worked again; the newest 50. */
export const triggerHealthQuery = (id: string) =>
  queryOptions({
    queryKey: [...triggerKeys.one(id), 'health'],
    queryFn: async ({ signal }) => (await api.get<Page<HealthChange>>(`/triggers/${id}/health`, undefined, signal)).items,
    refetchInterval: 15_000,
  })

/** The newest test URL, or null when none was made. */
export const triggerTestQuery = (id: string) =>
  queryOptions({
    queryKey: [...triggerKeys.one(id), 'test'],
    queryFn: async ({ signal }) => {
      try {
        return await api.get<TriggerTest>(`/triggers/${id}/test`, undefined, signal)
      } catch (error) {
        if (error instanceof ApiProblem && error.status === 404) return null
        throw error
      }
    },
    refetchInterval: (query) => (query.state.data?.state === 'listening' ? 1_500 : false),
  })

export const openTest = (id: string, run: boolean) => api.post<TriggerTest>(`/triggers/${id}/test`, { run })

export interface TriggerBody {
  config?: Record<string, unknown>
  enabled?: boolean
  input?: unknown
}

export const createTrigger = (body: TriggerBody & { workflow_id: string; type: string }) => api.post<Trigger>('/triggers', body)
export const patchTrigger = (id: string, body: TriggerBody) => api.patch<Trigger>(`/triggers/${id}`, body)
export const deleteTrigger = (id: string) => api.delete(`/triggers/${id}`)

export const createPreset = (body: PresetCreate) => api.post<TriggerPreset>('/registry/triggers', body)
export const deletePreset = (id: string) => api.delete(`/registry/triggers/${id}`)

export const deadLetterKeys = { all: ['dead-letters'] as const }

export const deadLetterListQuery = (filter: { trigger_id?: string } = {}) =>
  infiniteQueryOptions({
    queryKey: [...deadLetterKeys.all, 'list', filter],
    queryFn: ({ pageParam, signal }) => api.get<Page<DeadLetter>>('/dead-letters', { ...filter, limit: 50, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: 10_000,
  })

export const deadLetterQuery = (id: string) =>
  queryOptions({
    queryKey: [...deadLetterKeys.all, 'one', id],
    queryFn: ({ signal }) => api.get<DeadLetter>(`/dead-letters/${id}`, undefined, signal),
  })

export const replayDeadLetter = (id: string) => api.post<DeadLetter>(`/dead-letters/${id}/replay`)
