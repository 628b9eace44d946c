import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api } from '../client'
import type { DeadLetter, Occurrences, Page, Trigger, TriggerType } from '../types'

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

export interface TriggerBody {
  config?: Record<string, unknown>
  enabled?: boolean
  input?: unknown
}

export const createTrigger = (body: TriggerBody & { workflow_id: string; type: string }) => api.post<Trigger>('/triggers', body)
export const patchTrigger = (id: string, body: TriggerBody) => api.patch<Trigger>(`/triggers/${id}`, body)
export const deleteTrigger = (id: string) => api.delete(`/triggers/${id}`)

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
