/** From a figure to the executions it counts: those that ended within the span that was counted, narrowed as the page is. */
import type { AnalyticsFilter } from '@/api/queries/analytics'
import type { ExecutionSearch } from '@/lib/execution-search'

export interface Span {
  from: string
  to: string
}

/** `span` as the answer gives it: widened to whole buckets, and so exactly what was counted. */
export const endedWithin = ({ workflow_id, version, trigger_id, label }: AnalyticsFilter, { from, to }: Span, more: ExecutionSearch = {}): ExecutionSearch => ({
  workflow_id,
  version,
  trigger_id,
  label,
  finished_from: from,
  finished_to: to,
  ...more,
})

/** The span of a point of a series. */
export const spanOf = (at: string, bucketSeconds: number): Span => ({ from: at, to: new Date(Date.parse(at) + bucketSeconds * 1000).toISOString() })
