/** What a span comes to, against the one before, and what is alive now. */
import type { ReactNode } from 'react'
import { Link } from '@tanstack/react-router'
import type { AnalyticsFilter, Series, Summary } from '@/api/queries/analytics'
import type { ExecutionSearch } from '@/lib/execution-search'
import type { Tone } from '@/lib/status'
import { formatDuration } from '@/lib/time'
import { KpiCard } from '@/ui/kpi-card'
import { RowLink } from '@/ui/row-link'
import classes from './analytics-page.module.css'
import { endedWithin } from './drill'
import { change, count, percent, reasonsInWords, seconds, turnedAway, turnedAwayInWords, type Change } from './figures'

interface NumbersProps {
  summary: Summary | undefined
  series: Series | undefined
  filter: AnalyticsFilter
}

export function Numbers({ summary, series, filter }: NumbersProps) {
  const now = summary?.executions
  const before = summary?.previous.executions
  const compared = (figure: Parameters<typeof change>[2]) => (now && before ? change(now, before, figure) : null)
  const behind = (value: string, more: ExecutionSearch = {}) =>
    summary ? (
      <RowLink to="/executions" search={endedWithin(filter, summary, more)}>
        {value}
      </RowLink>
    ) : null
  const card = (id: string, label: string, value: ReactNode, figure: Parameters<typeof change>[2], tone: Tone, course?: number[]) => (
    <KpiCard label={label} tone={tone} loading={!summary} value={value} note={<Compared change={compared(figure)} />} series={thinned(course)} testId={`figure-${id}`} />
  )
  return (
    <div className={classes.numbers}>
      {card('total', 'Executions ended', now ? behind(count(now.total)) : null, 'total', 'running', series?.items.map(({ total }) => total))}
      {card('rate', 'Success rate', now ? behind(percent(now.success_rate), { status: 'succeeded' }) : null, 'success_rate', 'ok')}
      {card('failed', 'Failed', now ? behind(count(now.failed), { status: 'failed' }) : null, 'failed', 'error', series?.items.map(({ failed }) => failed))}
      {card('p95', 'Duration, p95', now ? behind(seconds(now.p95)) : null, 'p95', 'waiting')}
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
export function Moment({ summary, filter }: { summary: Summary; filter: AnalyticsFilter }) {
  const { queue, schedules, kafka, turned_away: away, previous, freshness } = summary
  const planned = schedules.fired + schedules.late + schedules.skipped
  return (
    <>
      <div className={classes.numbers}>
        <KpiCard
          label="Due now"
          tone={queue.oldest_due_seconds > 60 ? 'error' : 'running'}
          value={
            <RowLink to="/executions" search={{ due: 'true', workflow_id: filter.workflow_id }}>
              {count(queue.due)}
            </RowLink>
          }
          note={
            <>
              {queue.due > 0 ? `the oldest for ${formatDuration(queue.oldest_due_seconds * 1000)}` : 'nothing is overdue'} ·{' '}
              <Link className={classes.within} to="/executions" search={{ status: 'running', workflow_id: filter.workflow_id }}>
                {count(queue.running)} running
              </Link>
              ,{' '}
              <Link className={classes.within} to="/executions" search={{ due: 'false', workflow_id: filter.workflow_id }}>
                {count(queue.waiting)} waiting
              </Link>
            </>
          }
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
      {filter.trigger_id === undefined && freshness.facts > 0 ? <p className={classes.moment}>{count(freshness.facts)} more are being counted</p> : null}
    </>
  )
}

function scheduleNote({ schedules, previous }: Summary): string {
  const parts = [`${count(schedules.late)} late, ${count(schedules.skipped)} skipped`]
  if (schedules.lateness.p95 !== null) parts.push(`lateness p95 ${seconds(schedules.lateness.p95)}${previous.schedules.lateness.p95 === null ? '' : `, ${seconds(previous.schedules.lateness.p95)} before`}`)
  return parts.join(' · ')
}
