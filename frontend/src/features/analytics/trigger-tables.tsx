/** What became of what came to triggers, and of messages that were sent. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { messagesQuery, triggerFiguresQuery, type AnalyticsFilter, type Messages, type TriggerFigures } from '@/api/queries/analytics'
import type { ExecutionSearch } from '@/lib/execution-search'
import { DataTable, type Column } from '@/ui/data-table'
import { ErrorPanel } from '@/ui/error-panel'
import { Section } from '@/ui/page'
import { RowLink } from '@/ui/row-link'
import classes from './analytics-page.module.css'
import { CsvButton } from './csv-button'
import { endedWithin } from './drill'
import { count, percent, reasonsInWords, seconds, turnedAway } from './figures'
import { Within } from './tables'

const TYPES: Record<string, string> = { api: 'HTTP', schedule: 'Schedule', kafka: 'Kafka', workflow: 'Workflow' }

function number<Row>(key: string, header: string, render: (row: Row) => ReactNode, hide?: 'md' | 'sm'): Column<Row> {
  return { key, header, render: (row) => <span className="mr-num">{render(row)}</span>, align: 'right', width: 104, hide }
}

function punctuality({ fired, late, skipped }: TriggerFigures): string {
  if (fired + late + skipped === 0) return '–'
  return [`${count(fired)} on time`, late ? `${count(late)} late` : '', skipped ? `${count(skipped)} skipped` : ''].filter(Boolean).join(', ')
}

const triggerColumns = (behind: (row: TriggerFigures, value: string, more?: ExecutionSearch) => ReactNode): Column<TriggerFigures>[] => [
  {
    key: 'trigger',
    header: 'Trigger',
    render: (row) => (
      <RowLink to="/analytics" search={(was) => ({ ...was, trigger_id: row.trigger_id })}>
        {TYPES[row.type ?? ''] ?? 'Deleted'} {row.name ? <code>{row.name}</code> : null} <span className="mr-dim">{row.workflow_name ? `of ${row.workflow_name}` : ''}</span>
      </RowLink>
    ),
  },
  number('total', 'Ended', (row) => behind(row, count(row.total))),
  number('failed', 'Failed', (row) => behind(row, count(row.failed), { status: 'failed' })),
  {
    key: 'turned',
    header: 'Turned away',
    render: (row) => (
      <span className="mr-num" title={reasonsInWords(row.reasons)}>
        <OfTrigger row={row}>{count(turnedAway(row))}</OfTrigger>
      </span>
    ),
    align: 'right',
    width: 104,
    hide: 'sm',
  },
  { key: 'punctual', header: 'Planned', render: (row) => <span className="mr-num"><OfTrigger row={row}>{punctuality(row)}</OfTrigger></span>, align: 'right', width: 210, hide: 'md' },
  number('late', 'Lateness, p95', (row) => (row.type === 'schedule' ? seconds(row.lateness.p95) : '–'), 'md'),
  number('lag', 'Kafka lag', (row) => (row.type !== 'kafka' ? '–' : row.lag === null ? 'unknown' : count(row.lag)), 'sm'),
]

/** What came and started nothing is no execution: the trigger's own page has its log and its ledger. */
function OfTrigger({ row, children }: { row: TriggerFigures; children: string }) {
  if (!row.exists || children === '0' || children === '–') return <>{children}</>
  return (
    <Link to="/triggers/$id" params={{ id: row.trigger_id }} className={classes.within}>
      {children}
    </Link>
  )
}

export function TriggersTable({ filter }: { filter: AnalyticsFilter }) {
  const query = useQuery(triggerFiguresQuery(filter))
  const rows = (query.data?.items ?? []).slice(0, 20)
  return (
    <Section title="Triggers" flush aside={rows.length > 0 ? <CsvButton filter={filter} table="triggers" name="triggers" /> : null} testId="by-trigger">
      {query.isError ? <ErrorPanel error={query.error} onRetry={() => void query.refetch()} /> : null}
      <DataTable
        label="Triggers"
        columns={triggerColumns((row, value, more) => (
          <Within search={endedWithin(filter, query.data ?? { from: '', to: '' }, { trigger_id: row.trigger_id, ...more })}>{value}</Within>
        ))}
        rows={rows}
        rowKey={(row) => row.trigger_id}
        loading={query.isPending}
        empty={query.isError ? null : <p className={classes.nothing}>There is no trigger, and nothing was started by one in this span.</p>}
      />
    </Section>
  )
}

const judged = ({ delivered, failed }: Messages): number | null => (delivered + failed > 0 ? delivered / (delivered + failed) : null)

const MESSAGE_COLUMNS: Column<Messages>[] = [
  {
    key: 'channel',
    header: 'Channel',
    render: (row) => (
      <>
        {row.channel} <span className="mr-dim">by {row.provider}</span>
      </>
    ),
  },
  number('sent', 'Sent', (row) => count(row.sent)),
  number('delivered', 'Delivered', (row) => count(row.delivered), 'sm'),
  number('failed', 'Failed', (row) => count(row.failed)),
  number('unknown', 'Unknown', (row) => count(row.unknown), 'md'),
  number('rate', 'Delivery rate', (row) => percent(judged(row))),
  { key: 'why', header: 'Why they failed', render: (row) => row.reasons.map(({ reason, count: times }) => `${reason} (${count(times)})`).join(', ') || '–', hide: 'md' },
]

export function MessagesTable({ filter }: { filter: AnalyticsFilter }) {
  const query = useQuery(messagesQuery(filter))
  const rows = query.data?.items ?? []
  return (
    <Section title="Messages" flush aside={rows.length > 0 ? <CsvButton filter={filter} table="deliveries" name="deliveries" /> : null} testId="messages">
      {query.isError ? <ErrorPanel error={query.error} onRetry={() => void query.refetch()} /> : null}
      <DataTable
        label="Messages"
        columns={MESSAGE_COLUMNS}
        rows={rows}
        rowKey={(row) => `${row.channel}/${row.provider}`}
        loading={query.isPending}
        empty={query.isError ? null : <p className={classes.nothing}>No message was sent in this span.</p>}
      />
    </Section>
  )
}
