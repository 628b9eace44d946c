/** The filters of the executions list as they stand in the address. */
import { EXECUTION_STATUSES } from './status'

export interface ExecutionSearch {
  workflow_id?: string
  trigger_id?: string
  status?: string
  from?: string
  to?: string
  q?: string
  /** A span up to now, instead of `from` and `to`: "1h", "24h", "7d", "30d". */
  range?: string
}

export const RANGES: Record<string, number> = { '1h': 3_600_000, '24h': 86_400_000, '7d': 7 * 86_400_000, '30d': 30 * 86_400_000 }

/** Reads a search string; what is not understood is dropped. */
export function readExecutionSearch(search: Record<string, unknown>): ExecutionSearch {
  const text = (name: string): string | undefined => {
    const value = search[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const time = (name: string): string | undefined => {
    const value = text(name)
    return value !== undefined && !Number.isNaN(Date.parse(value)) ? value : undefined
  }
  const status = text('status')
  const range = text('range')
  return {
    workflow_id: text('workflow_id'),
    trigger_id: text('trigger_id'),
    status: (EXECUTION_STATUSES as readonly string[]).includes(status ?? '') ? status : undefined,
    from: time('from'),
    to: time('to'),
    q: text('q'),
    range: range !== undefined && range in RANGES ? range : undefined,
  }
}

/** The filters as the API takes them. `now` is rounded to the minute, so that the same page asks the same question for a while. */
export function executionFilterOf({ range, ...filter }: ExecutionSearch, now: number): Omit<ExecutionSearch, 'range'> {
  if (range === undefined) return filter
  const span = RANGES[range] ?? 0
  return { ...filter, from: new Date(Math.floor(now / 60_000) * 60_000 - span).toISOString(), to: undefined }
}
