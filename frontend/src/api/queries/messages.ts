/** The ledger of messages: what was handed to a provider, and what the provider said since. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api } from '../client'
import type { Message, Page } from '../types'

export interface MessageFilter {
  execution_id?: string
  workflow_id?: string
  channel?: string
  status?: string
}

export const messageKeys = { all: ['messages'] as const }

export const messageListQuery = (filter: MessageFilter, limit = 50) =>
  infiniteQueryOptions({
    queryKey: [...messageKeys.all, 'list', filter, limit],
    queryFn: ({ pageParam, signal }) => api.get<Page<Message>>('/deliveries', { ...filter, limit, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) > 1 ? false : 5_000),
  })

export const messageQuery = (id: string) => queryOptions({ queryKey: [...messageKeys.all, 'one', id], queryFn: ({ signal }) => api.get<Message>(`/deliveries/${id}`, undefined, signal), refetchInterval: 5_000 })
