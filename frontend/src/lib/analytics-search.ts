/** The question of the analytics page as it stands in the address. */
import { RANGES } from './execution-search'

export interface AnalyticsSearch {
  /** A span up to now: "1h", "24h", "7d", "30d" or "90d". */
  range?: string
  /** A span of its own, as RFC 3339. */
  from?: string
  to?: string
  workflow_id?: string
  /** A version's number, or "draft". */
  version?: string
  trigger_id?: string
  label?: string
  /** Which nodes are listed first. */
  nodes?: 'failed' | 'retries'
}

export const ANALYTICS_RANGES: Record<string, number> = { ...RANGES, '90d': 90 * 86_400_000 }
export const DEFAULT_RANGE = '24h'

/** Reads a search string; what is not understood is dropped. */
export function readAnalyticsSearch(search: Record<string, unknown>): AnalyticsSearch {
  const text = (name: string): string | undefined => {
    const value = typeof search[name] === 'number' ? String(search[name]) : search[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const time = (name: string): string | undefined => {
    const value = text(name)
    return value !== undefined && !Number.isNaN(Date.parse(value)) ? value : undefined
  }
  const range = text('range')
  const nodes = text('nodes')
  return {
    range: range !== undefined && range in ANALYTICS_RANGES ? range : undefined,
    from: time('from'),
    to: time('to'),
    workflow_id: text('workflow_id'),
    version: /^(draft|\d{1,9})$/.exec(text('version') ?? '')?.[0],
    trigger_id: text('trigger_id'),
    label: text('label'),
    nodes: nodes === 'failed' || nodes === 'retries' ? nodes : undefined,
  }
}

/** The question as the API takes it. `now` is rounded to the minute, so that the same page asks the same for a while. */
export function analyticsFilterOf({ range, from, to, workflow_id, version, trigger_id, label }: AnalyticsSearch, now: number): Omit<AnalyticsSearch, 'range' | 'nodes'> {
  const rest = { workflow_id, version, trigger_id, label }
  if (from !== undefined || to !== undefined) return { ...rest, from, to }
  const end = Math.ceil(now / 60_000) * 60_000
  return { ...rest, from: new Date(end - (ANALYTICS_RANGES[range ?? DEFAULT_RANGE] ?? 0)).toISOString(), to: new Date(end).toISOString() }
}
