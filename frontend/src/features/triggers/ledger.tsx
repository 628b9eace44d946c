import { Tooltip } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { occurrencesQuery } from '@/api/queries/triggers'
import type { Occurrence, Trigger } from '@/api/types'
import { statusLabel, toneOf } from '@/lib/status'
import { formatClock, formatExact, formatRelative, instant, localZone } from '@/lib/time'
import { useNow } from '@/lib/use-now'
import { ErrorPanel } from '@/ui/error-panel'
import { Section } from '@/ui/page'
import { reasonWords, scheduleWords } from '@/lib/trigger-words'
import classes from './trigger-page.module.css'

const CronWords = lazy(() => import('@/ui/cron-words'))

const PAST = 40
const AHEAD = 10

/** A schedule's ledger: every planned instant and its fate, and what comes next. */
export function Ledger({ trigger }: { trigger: Trigger }) {
  const query = useQuery(occurrencesQuery(trigger.id))
  const now = useNow(5_000)
  if (query.isError && !query.data) return <ErrorPanel error={query.error} onRetry={() => void query.refetch()} />
  const past = (query.data?.items ?? []).slice(0, PAST).reverse()
  const upcoming = (query.data?.upcoming ?? []).slice(0, AHEAD)
  const counts = { fired: 0, late: 0, skipped: 0, pending: 0 }
  for (const { outcome } of past) counts[outcome]++
  return (
    <Section
      title={`Schedule: ${scheduleWords(trigger.config)}`}
      aside={
        typeof trigger.config.cron === 'string' ? (
          <Suspense fallback={null}>
            <CronWords cron={trigger.config.cron} timezone={typeof trigger.config.timezone === 'string' ? trigger.config.timezone : 'UTC'} />
          </Suspense>
        ) : null
      }
      testId="ledger"
    >
      <div className={classes.stack}>
        <div className={classes.strip} role="group" aria-label={`Ledger: ${counts.fired} fired, ${counts.late} late, ${counts.skipped} skipped`}>
          {past.map((occurrence) => (
            <Cell key={occurrence.planned_at} occurrence={occurrence} />
          ))}
          <span className={classes.now} aria-hidden />
          {upcoming.map((at) => (
            <Tooltip key={at} label={`Planned for ${formatExact(instant(at) ?? 0)}`}>
              <span className={classes.cell} data-outcome="upcoming" />
            </Tooltip>
          ))}
        </div>
        <div className={classes.legend}>
          {(['fired', 'late', 'skipped'] as const).map((outcome) => (
            <span key={outcome} data-tone={toneOf(outcome)}>
              <span className={classes.key} aria-hidden />
              {counts[outcome]} {outcome}
            </span>
          ))}
        </div>
        <h3 className={classes.subtitle}>Next runs, in {localZone()}</h3>
        {upcoming.length > 0 ? (
          <ol className={classes.next} data-testid="next-runs">
            {upcoming.map((at) => (
              <li key={at}>
                <time dateTime={at}>{formatClock(instant(at) ?? 0, now)}</time>
                <span className="mr-dim">{formatRelative(instant(at) ?? 0, now)}</span>
              </li>
            ))}
          </ol>
        ) : (
          <p className={classes.note}>{trigger.enabled ? 'No run is planned any more.' : 'None while it is disabled.'}</p>
        )}
      </div>
    </Section>
  )
}

function Cell({ occurrence: { planned_at, outcome, reason, execution_id } }: { occurrence: Occurrence }) {
  const words = `${statusLabel(outcome)}: planned for ${formatExact(instant(planned_at) ?? 0)}${reason ? `. ${reasonWords(reason)}` : ''}`
  const shared = { className: classes.cell, 'data-outcome': outcome, 'data-tone': toneOf(outcome), 'aria-label': words }
  return (
    <Tooltip label={words}>{execution_id ? <Link to="/executions/$id" params={{ id: execution_id }} {...shared} /> : <span role="img" {...shared} />}</Tooltip>
  )
}
