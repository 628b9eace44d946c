/** The two courses over time: how executions ended, and how long they took. */
import { BarChart, LineChart } from '@mantine/charts'
import '@mantine/charts/styles.css'
import type { Series } from '@/api/queries/analytics'
import { spanOf, type Span } from './drill'
import { axisTime, count, seconds } from './figures'

const OUTCOMES = [
  { name: 'succeeded', label: 'Succeeded', color: 'var(--mr-chart-ok)' },
  { name: 'failed', label: 'Failed', color: 'var(--mr-chart-error)' },
  { name: 'cancelled', label: 'Cancelled', color: 'var(--mr-chart-neutral)' },
]
// One hue at three strengths.
const PERCENTILES = [
  { name: 'p50', label: 'p50', color: 'color-mix(in srgb, var(--mr-chart-line) 40%, var(--mr-surface))' },
  { name: 'p95', label: 'p95', color: 'color-mix(in srgb, var(--mr-chart-line) 70%, var(--mr-surface))' },
  { name: 'p99', label: 'p99', color: 'var(--mr-chart-line)' },
]

const SHARED = { h: 220, dataKey: 'label', withLegend: true, gridAxis: 'x' as const, tickLine: 'none' as const, legendProps: { verticalAlign: 'top' as const, height: 32 } }
const rows = (series: Series) => series.items.map((point) => ({ ...point, label: axisTime(point.at, series.bucket_seconds) }))

interface ChartProps {
  series: Series
  /** A point, of those that ended so, or of all. */
  onPoint: (span: Span, status?: string) => void
}

export function OutcomesChart({ series, onPoint }: ChartProps) {
  const data = rows(series)
  return (
    <BarChart
      {...SHARED}
      data={data}
      type="stacked"
      series={OUTCOMES}
      maxBarWidth={28}
      valueFormatter={count}
      barProps={({ name }) => ({
        isAnimationActive: false,
        cursor: 'pointer',
        onClick: (_shape: unknown, index: number) => {
          const point = data[index]
          if (point) onPoint(spanOf(point.at, series.bucket_seconds), name)
        },
      })}
    />
  )
}

export function DurationsChart({ series, onPoint }: ChartProps) {
  const data = rows(series)
  return (
    <LineChart
      {...SHARED}
      data={data}
      series={PERCENTILES}
      lineChartProps={{
        style: { cursor: 'pointer' },
        onClick: ({ activeTooltipIndex }) => {
          const point = data[Number(activeTooltipIndex ?? Number.NaN)]
          if (point && point.total > 0) onPoint(spanOf(point.at, series.bucket_seconds))
        },
      }}
      curveType="monotone"
      strokeWidth={1.75}
      dotProps={{ r: series.items.length > 60 ? 0 : 2, strokeWidth: 0 }}
      connectNulls={false}
      valueFormatter={seconds}
      lineProps={{ isAnimationActive: false }}
    />
  )
}
