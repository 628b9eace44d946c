/** What belongs to the installation and the caller: health, node types, API keys, who I am. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { api, call, send } from '../client'
import { ApiProblem } from '../problem'
import type { ApiKey, ApiKeyCreate, ApiKeyCreated, ExpressionFunction, Health, Me, Page, Provider, RegistryEntry, TriggerTypeEntry } from '../types'

/** Health answers 503 with the same body when the database is gone; that is an answer too. */
async function readHealth(signal: AbortSignal): Promise<Health> {
  try {
    return (await call<Health>('GET', '/health', { signal })).data
  } catch (error) {
    if (error instanceof ApiProblem && isHealth(error.body)) return error.body
    throw error
  }
}

const isHealth = (body: unknown): body is Health => typeof body === 'object' && body !== null && 'checks' in body

export const healthQuery = () =>
  queryOptions({ queryKey: ['health'], queryFn: ({ signal }) => readHealth(signal), refetchInterval: 10_000, retry: false, staleTime: 5_000 })

/** How the hosts that credentials are sent to have answered, those in trouble first. */
export const providersQuery = () =>
  queryOptions({
    queryKey: ['health', 'providers'],
    queryFn: async ({ signal }) => (await api.get<Page<Provider>>('/health/providers', undefined, signal)).items,
    refetchInterval: 10_000,
  })

export const actionsQuery = () =>
  queryOptions({
    queryKey: ['registry', 'actions'],
    queryFn: async ({ signal }) => (await api.get<Page<RegistryEntry>>('/registry/actions', undefined, signal)).items,
    staleTime: 5 * 60_000,
  })

/** The functions that expressions may use. */
export const functionsQuery = () =>
  queryOptions({
    queryKey: ['registry', 'functions'],
    queryFn: async ({ signal }) => (await api.get<Page<ExpressionFunction>>('/registry/functions', undefined, signal)).items,
    staleTime: 30 * 60_000,
  })

export interface ActionTested {
  status: string
  output: unknown
  error: { code: string; message: string } | null
  duration_ms: number
}

/** Runs one action now, with this config and the data its expressions read. Its effects are real. */
export const testAction = (type: string, body: { config: Record<string, unknown>; context: Record<string, unknown> }) =>
  api.post<ActionTested>(`/registry/actions/${encodeURIComponent(type)}/test`, body)

export const triggerTypesQuery = () =>
  queryOptions({
    queryKey: ['registry', 'triggers'],
    queryFn: async ({ signal }) => (await api.get<Page<TriggerTypeEntry>>('/registry/triggers', undefined, signal)).items,
    staleTime: 5 * 60_000,
  })

export const meQuery = () =>
  queryOptions({ queryKey: ['me'], queryFn: ({ signal }) => api.get<Me>('/me', undefined, signal), staleTime: 5 * 60_000 })

/** Who a key is, without signing in with it. Throws ApiProblem 401 for one that is not known. */
export const whoIs = async (key: string): Promise<Me> => (await send('GET', '/me', { key })).json() as Promise<Me>

export const apiKeyKeys = { all: ['api-keys'] as const }

export const apiKeyListQuery = () =>
  infiniteQueryOptions({
    queryKey: apiKeyKeys.all,
    queryFn: ({ pageParam, signal }) => api.get<Page<ApiKey>>('/api-keys', { limit: 100, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  })

export const createApiKey = (body: ApiKeyCreate) => api.post<ApiKeyCreated>('/api-keys', body)
export const revokeApiKey = (id: string) => api.delete(`/api-keys/${id}`)
