import { keepPreviousData, queryOptions } from '@tanstack/react-query'
import { api, send } from '../client'

export interface AnalyticsFilter {
  from?: string
  to?: string
  workflow_id?: string
  version?: string
  trigger_id?: string
  label?: string
}

/** What docs/analytics.md defines. Durations are in seconds. */
export interface Figures {
  total: number
  succeeded: number
  failed: number
  cancelled: number
  retries: number
  success_rate: number | null
  mean: number | null
  p50: number | null
  p95: number | null
  p99: number | null
}

export interface Lateness {
  p50: number | null
  p95: number | null
  p99: number | null
}

export interface Reason {
  outcome: string
  reason: string
  count: number
}

/** What came and started nothing. */
export interface TurnedAway {
  duplicate: number
  debounced: number
  refused: number
  dead_letter: number
  passed_over: number
  reasons: Reason[]
}

/** Everything of one span. */
export interface Whole {
  from: string
  to: string
  executions: Figures
  schedules: { fired: number; late: number; skipped: number; skipped_because: Record<string, number>; lateness: Lateness }
  turned_away: TurnedAway
}

export interface Summary extends Whole {
  previous: Whole
  nodes: Figures
  queue: { due: number; running: number; waiting: number; oldest_due_seconds: number }
  kafka: { triggers: number; groups: number; lag: number | null; troubles: string[] } | null
  freshness: { facts: number; oldest_seconds: number | null }
}

export type Point = Omit<Figures, 'retries'> & { at: string }

export interface Series {
  from: string
  to: string
  bucket_seconds: number
  items: Point[]
}

export interface Group extends Figures {
  workflow_id?: string
  workflow_name?: string | null
  node_id?: string
  type?: string
  version?: number | 'draft'
  trigger_id?: string
  error?: string
  label?: string
  previous?: Figures
}

/** A trigger: what it started, what it turned away, how late it was and how far behind it is. */
export interface TriggerFigures extends Figures, TurnedAway {
  trigger_id: string
  type: string | null
  name: string | null
  workflow_id: string | null
  workflow_name?: string | null
  exists: boolean
  unhealthy_reason: string | null
  fired: number
  late: number
  skipped: number
  lateness: Lateness
  lag: number | null
  previous: Figures
}

export interface Messages {
  channel: string
  provider: string
  sent: number
  delivered: number
  failed: number
  unknown: number
  reasons: { reason: string; count: number }[]
}

export type By = 'workflow' | 'version' | 'trigger' | 'label' | 'error' | 'node' | 'type' | 'node_error'
export type Sort = 'total' | 'failed' | 'slowest' | 'retries'

/** Rows, and the span that was counted. */
export interface Table<Row> {
  from: string
  to: string
  items: Row[]
}

/** Long spans change slowly and cost more to add up. */
const pollOf = ({ from, to }: AnalyticsFilter): number => (from && Date.parse(to ?? new Date().toISOString()) - Date.parse(from) <= 86_400_000 ? 5_000 : 30_000)
const key = (...parts: unknown[]) => ['analytics', ...parts]

export const summaryQuery = (filter: AnalyticsFilter) =>
  queryOptions({
    queryKey: key('summary', filter),
    queryFn: ({ signal }) => api.get<Summary>('/analytics/summary', { ...filter }, signal),
    refetchInterval: pollOf(filter),
    placeholderData: keepPreviousData,
  })

/** `bucket` as the API names it; without it the finest that fits. */
export const seriesQuery = (filter: AnalyticsFilter, bucket?: string) =>
  queryOptions({
    queryKey: key('series', filter, bucket),
    queryFn: ({ signal }) => api.get<Series>('/analytics/timeseries', { ...filter, bucket }, signal),
    refetchInterval: pollOf(filter),
    placeholderData: keepPreviousData,
  })

export const breakdownQuery = (filter: AnalyticsFilter, by: By, sort: Sort, limit = 10) =>
  queryOptions({
    queryKey: key('breakdown', filter, by, sort, limit),
    queryFn: ({ signal }) => api.get<Table<Group>>('/analytics/breakdown', { ...filter, by, sort, limit, compare: 'true' }, signal),
    refetchInterval: pollOf(filter),
    placeholderData: keepPreviousData,
  })

export const triggerFiguresQuery = (filter: AnalyticsFilter) =>
  queryOptions({
    queryKey: key('triggers', filter),
    queryFn: ({ signal }) => api.get<Table<TriggerFigures>>('/analytics/triggers', { ...filter }, signal),
    refetchInterval: pollOf(filter),
    placeholderData: keepPreviousData,
  })

export const messagesQuery = (filter: AnalyticsFilter) =>
  queryOptions({
    queryKey: key('deliveries', filter),
    queryFn: ({ signal }) => api.get<Table<Messages>>('/analytics/deliveries', { ...filter }, signal),
    refetchInterval: pollOf(filter),
    placeholderData: keepPreviousData,
  })

export type CsvTable = 'timeseries' | 'triggers' | 'deliveries' | { by: By; sort: Sort }

/** A table as CSV text, with every row it has (up to 200). */
export async function analyticsCsv(filter: AnalyticsFilter, table: CsvTable): Promise<string> {
  const [path, query] = typeof table === 'string' ? [`/analytics/${table}`, {}] : ['/analytics/breakdown', { ...table, limit: 200 }]
  const response = await send('GET', path, { query: { ...filter, ...query, format: 'csv' }, headers: { Accept: 'text/csv' } })
  return response.text()
}
