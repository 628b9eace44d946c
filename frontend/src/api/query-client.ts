/** How reads are kept and repeated. A refused call is not repeated; one that got no answer is, with patience; writes never are. */
import { QueryClient } from '@tanstack/react-query'
import { ApiProblem } from './problem'

const MAX_RETRIES = 3

export const mayRetry = (failures: number, error: unknown): boolean =>
  failures < MAX_RETRIES && error instanceof ApiProblem && (error.transient || error.status >= 500)

export function retryDelay(failures: number, error: unknown): number {
  const asked = error instanceof ApiProblem ? error.retryAfter : null
  return asked === null ? Math.min(500 * 2 ** failures, 8000) : Math.min(asked * 1000, 30_000)
}

export const makeQueryClient = (): QueryClient =>
  new QueryClient({
    defaultOptions: {
      queries: { retry: mayRetry, retryDelay, staleTime: 2_000, gcTime: 5 * 60_000, refetchOnWindowFocus: true, networkMode: 'always' },
      mutations: { retry: false, networkMode: 'always' },
    },
  })
