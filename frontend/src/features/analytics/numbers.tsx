/** What a span comes to, against the one before, and what is alive now. */
import type { ReactNode } from 'react'
import type { Series, Summary } from '@/api/queries/analytics'
import type { Tone } from '@/lib/status'
import { formatDuration } from '@/lib/time'
import { KpiCard } from '@/ui/kpi-card'
import { RowLink } from '@/ui/row-link'
import classes from './analytics-page.module.css'
import { change, count, percent, reasonsInWords, seconds, turnedAway, turnedAwayInWords, type Change } from './figures'

interface NumbersProps {
  summary: Summary | undefined
  series: Series | undefined
  workflowId?: string
  triggerId?: string
}

export function Numbers({ summary, series, workflowId, triggerId }: NumbersProps) {
  const now = summary?.executions
  const before = summary?.previous.executions
  const compared = (figure: Parameters<typeof change>[2]) => (now && before ? change(now, before, figure) : null)
  const span = summary ? { from: summary.from, to: summary.to, workflow_id: workflowId, trigger_id: triggerId } : {}
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

/** This moment, and what is not an execution: the queue, schedules, Kafka, and what was turned away. */
export function Moment({ summary, triggerId, workflowId }: { summary: Summary; triggerId?: string; workflowId?: string }) {
  const { queue, schedules, kafka, turned_away: away, previous, freshness } = summary
  const planned = schedules.fired + schedules.late + schedules.skipped
  return (
    <>
      <div className={classes.numbers}>
        <KpiCard
          label="Due now"
          tone={queue.oldest_due_seconds > 60 ? 'error' : 'running'}
          value={
            <RowLink to="/executions" search={{ status: 'queued', workflow_id: workflowId }}>
              {count(queue.due)}
            </RowLink>
          }
          note={`${queue.due > 0 ? `the oldest for ${formatDuration(queue.oldest_due_seconds * 1000)}` : 'nothing is overdue'} · ${count(queue.running)} running, ${count(queue.waiting)} waiting`}
          testId="now-queue"
        />
        <KpiCard
          label="Schedules on time"
          tone={schedules.late + schedules.skipped > 0 ? 'waiting' : 'ok'}
          value={planned > 0 ? percent(schedules.fired / planned) : '–'}
          note={planned > 0 ? scheduleNote(summary) : 'nothing was planned'}
          testId="now-schedules"
        />
        <KpiCard
          label="Kafka lag"
          tone={kafka && kafka.troubles.length > 0 ? 'error' : 'running'}
          value={kafka ? (kafka.lag === null ? 'unknown' : count(kafka.lag)) : '–'}
          note={kafka ? (kafka.troubles[0] ?? `records not read yet, ${count(kafka.groups)} consumer ${kafka.groups === 1 ? 'group' : 'groups'}`) : 'no Kafka trigger'}
          testId="now-kafka"
        />
        <KpiCard
          label="Turned away"
          tone={away.refused + away.dead_letter > 0 ? 'error' : 'neutral'}
          value={count(turnedAway(away))}
          note={
            <span title={reasonsInWords(away.reasons)}>
              {turnedAwayInWords(away) || 'everything that came started something'} · {count(turnedAway(previous.turned_away))} before
            </span>
          }
          testId="now-turned-away"
        />
      </div>
      {triggerId === undefined && freshness.facts > 0 ? <p className={classes.moment}>{count(freshness.facts)} more are being counted</p> : null}
    </>
  )
}

function scheduleNote({ schedules, previous }: Summary): string {
  const parts = [`${count(schedules.late)} late, ${count(schedules.skipped)} skipped`]
  if (schedules.lateness.p95 !== null) parts.push(`lateness p95 ${seconds(schedules.lateness.p95)}${previous.schedules.lateness.p95 === null ? '' : `, ${seconds(previous.schedules.lateness.p95)} before`}`)
  return parts.join(' · ')
}
