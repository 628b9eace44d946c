/** The filters of the executions list as they stand in the address: named as the API names them, but for `range` and `when`. */
import { EXECUTION_STATUSES } from './status'

/** What the API takes; every value as text. */
export interface ExecutionFilter {
  workflow_id?: string
  /** A version's number, or "draft". */
  version?: string
  label?: string
  trigger_id?: string
  status?: string
  /** "true": waiting for a worker; "false": waiting for a time or a signal. */
  due?: string
  /** When they were created, and when they ended. */
  from?: string
  to?: string
  finished_from?: string
  finished_to?: string
  /** The code of the error they ended with. */
  error?: string
  q?: string
  /** A node that ran in them, and how its last attempt ended. */
  node_id?: string
  node_status?: string
  node_error?: string
  node_retried?: string
}

export interface ExecutionSearch extends ExecutionFilter {
  /** A span up to now, instead of two times: "1h", "24h", "7d", "30d". */
  range?: string
  /** What the span is about: when they ended, instead of when they were created. */
  when?: 'ended'
}

export const RANGES: Record<string, number> = { '1h': 3_600_000, '24h': 86_400_000, '7d': 7 * 86_400_000, '30d': 30 * 86_400_000 }

const TEXTS = ['workflow_id', 'label', 'trigger_id', 'error', 'q', 'node_id', 'node_error'] as const
const TIMES = ['from', 'to', 'finished_from', 'finished_to'] as const
const BOOLEAN = ['true', 'false']

/** Reads a search string; what is not understood is dropped. */
export function readExecutionSearch(search: Record<string, unknown>): ExecutionSearch {
  const text = (name: string): string | undefined => {
    const value = typeof search[name] === 'number' ? String(search[name]) : search[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const time = (name: string): string | undefined => {
    const value = text(name)
    return value !== undefined && !Number.isNaN(Date.parse(value)) ? value : undefined
  }
  const one = (name: string, values: readonly string[]) => values.find((value) => value === text(name))
  return {
    ...Object.fromEntries(TEXTS.map((name) => [name, text(name)])),
    ...Object.fromEntries(TIMES.map((name) => [name, time(name)])),
    version: /^(draft|[1-9]\d{0,8})$/.exec(text('version') ?? '')?.[0],
    status: one('status', EXECUTION_STATUSES),
    due: one('due', BOOLEAN),
    node_status: one('node_status', ['succeeded', 'failed', 'cancelled']),
    node_retried: one('node_retried', BOOLEAN),
    range: one('range', Object.keys(RANGES)),
    when: text('when') === 'ended' ? 'ended' : undefined,
  }
}

/** The filters as the API takes them. `now` is rounded to the minute, so that the same page asks the same question for a while. */
export function executionFilterOf({ range, when, ...filter }: ExecutionSearch, now: number): ExecutionFilter {
  if (range === undefined) return filter
  const since = new Date(Math.floor(now / 60_000) * 60_000 - (RANGES[range] ?? 0)).toISOString()
  const none = { from: undefined, to: undefined, finished_from: undefined, finished_to: undefined }
  return { ...filter, ...none, ...(when === 'ended' ? { finished_from: since } : { from: since }) }
}

/** The same with what is no text where the API takes bodies: a version's number, true and false. */
export function filterAsBody({ version, due, node_retried, ...rest }: ExecutionFilter): Record<string, unknown> {
  const truth = (value: string | undefined) => (value === undefined ? undefined : value === 'true')
  return { ...rest, version: version === undefined || version === 'draft' ? version : Number(version), due: truth(due), node_retried: truth(node_retried) }
}
