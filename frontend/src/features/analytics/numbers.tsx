/** What a span comes to, against the one before, and what is alive now. */
import type { ReactNode } from 'react'
import type { Series, Summary } from '@/api/queries/analytics'
import type { Tone } from '@/lib/status'
import { formatDuration } from '@/lib/time'
import { KpiCard } from '@/ui/kpi-card'
import { RowLink } from '@/ui/row-link'
import classes from './analytics-page.module.css'
import { change, count, percent, seconds, type Change } from './figures'

interface NumbersProps {
  summary: Summary | undefined
  series: Series | undefined
  workflowId?: string
}

export function Numbers({ summary, series, workflowId }: NumbersProps) {
  const now = summary?.executions
  const before = summary?.previous.executions
  const compared = (figure: Parameters<typeof change>[2]) => (now && before ? change(now, before, figure) : null)
  const span = summary ? { from: summary.from, to: summary.to, workflow_id: workflowId } : {}
  const card = (id: string, label: string, value: ReactNode, figure: Parameters<typeof change>[2], tone: Tone, course?: number[]) => (
    <KpiCard label={label} tone={tone} loading={!summary} value={value} note={<Compared change={compared(figure)} />} series={thinned(course)} testId={`figure-${id}`} />
  )
  return (
    <div className={classes.numbers}>
      {card('total', 'Executions ended', now ? <RowLink to="/executions" search={span}>{count(now.total)}</RowLink> : null, 'total', 'running', series?.items.map(({ total }) => total))}
      {card('rate', 'Success rate', now ? percent(now.success_rate) : null, 'success_rate', 'ok')}
      {card(
        'failed',
        'Failed',
        now ? (
          <RowLink to="/executions" search={{ ...span, status: 'failed' }}>
            {count(now.failed)}
          </RowLink>
        ) : null,
        'failed',
        'error',
        series?.items.map(({ failed }) => failed),
      )}
      {card('p95', 'Duration, p95', now ? seconds(now.p95) : null, 'p95', 'waiting')}
    </div>
  )
}

function Compared({ change: found }: { change: Change | null }) {
  if (!found) return <>nothing to compare with</>
  return (
    <span data-tone={found.tone} className={classes.change}>
      {found.text} <span className="mr-dim">against the time before</span>
    </span>
  )
}

/** Few enough bars for a small picture: neighbours are added up. */
function thinned(values: number[] | undefined): number[] | undefined {
  if (!values || values.length <= 24) return values
  const size = Math.ceil(values.length / 24)
  return Array.from({ length: Math.ceil(values.length / size) }, (_, index) => values.slice(index * size, (index + 1) * size).reduce((sum, value) => sum + value, 0))
}

/** One line about this moment, schedules, and how fresh the figures are. */
export function Moment({ summary }: { summary: Summary }) {
  const { queue, schedules, freshness } = summary
  const parts = [
    `${count(queue.running)} running, ${count(queue.waiting)} waiting`,
    queue.due > 0 ? `${count(queue.due)} due, the oldest for ${formatDuration(queue.oldest_due_seconds * 1000)}` : 'nothing is overdue',
  ]
  if (schedules.fired + schedules.late + schedules.skipped > 0) {
    const skipped = schedules.skipped > 0 ? `, ${count(schedules.skipped)} skipped` : ''
    parts.push(`schedules: ${count(schedules.fired)} on time, ${count(schedules.late)} late${skipped}`)
  }
  if (freshness.facts > 0) parts.push(`${count(freshness.facts)} more are being counted`)
  return <p className={classes.moment}>{parts.join(' · ')}</p>
}
