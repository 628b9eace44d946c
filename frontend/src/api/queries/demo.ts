/** What only a host with `--demo` serves, beside the API: the recorder of the examples' calls, and the plug. */
import { queryOptions } from '@tanstack/react-query'
import { api } from '../client'

export interface Worker {
  name: string
  pid: number
}

export interface RecordedCall {
  at: string
  method: string
  path: string
  idempotency_key: string
  body: string
  /** The same key had been seen, so nothing was done again. */
  repeat: boolean
}

const POLL = 800

export const workersQuery = () =>
  queryOptions({ queryKey: ['demo', 'workers'], queryFn: async ({ signal }) => (await api.get<{ items: Worker[] }>('../demo/workers', undefined, signal)).items, refetchInterval: POLL })

export const callsQuery = () =>
  queryOptions({ queryKey: ['demo', 'calls'], queryFn: async ({ signal }) => (await api.get<{ items: RecordedCall[] }>('../demo/calls', undefined, signal)).items, refetchInterval: POLL })

export const pullThePlug = () => api.post<{ killed: Worker[]; at: string }>('../demo/plug', {})
