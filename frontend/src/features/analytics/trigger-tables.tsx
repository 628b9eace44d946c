/** What became of what came to triggers, and of messages that were sent. */
import { useQuery } from '@tanstack/react-query'
import { messagesQuery, triggerFiguresQuery, type AnalyticsFilter, type Messages, type TriggerFigures } from '@/api/queries/analytics'
import { DataTable, type Column } from '@/ui/data-table'
import { ErrorPanel } from '@/ui/error-panel'
import { Section } from '@/ui/page'
import { RowLink } from '@/ui/row-link'
import classes from './analytics-page.module.css'
import { CsvButton } from './csv-button'
import { count, percent, reasonsInWords, seconds, turnedAway } from './figures'

const TYPES: Record<string, string> = { api: 'HTTP', schedule: 'Schedule', kafka: 'Kafka', workflow: 'Workflow' }

function number<Row>(key: string, header: string, render: (row: Row) => string, hide?: 'md' | 'sm'): Column<Row> {
  return { key, header, render: (row) => <span className="mr-num">{render(row)}</span>, align: 'right', width: 104, hide }
}

function punctuality({ fired, late, skipped }: TriggerFigures): string {
  if (fired + late + skipped === 0) return '–'
  return [`${count(fired)} on time`, late ? `${count(late)} late` : '', skipped ? `${count(skipped)} skipped` : ''].filter(Boolean).join(', ')
}

const TRIGGER_COLUMNS: Column<TriggerFigures>[] = [
  {
    key: 'trigger',
    header: 'Trigger',
    render: (row) => (
      <RowLink to="/analytics" search={(was) => ({ ...was, trigger_id: row.trigger_id })}>
        {TYPES[row.type ?? ''] ?? 'Deleted'} {row.name ? <code>{row.name}</code> : null} <span className="mr-dim">{row.workflow_name ? `of ${row.workflow_name}` : ''}</span>
      </RowLink>
    ),
  },
  number('total', 'Ended', (row) => count(row.total)),
  number('failed', 'Failed', (row) => count(row.failed)),
  {
    key: 'turned',
    header: 'Turned away',
    render: (row) => (
      <span className="mr-num" title={reasonsInWords(row.reasons)}>
        {count(turnedAway(row))}
      </span>
    ),
    align: 'right',
    width: 104,
    hide: 'sm',
  },
  { key: 'punctual', header: 'Planned', render: (row) => <span className="mr-num">{punctuality(row)}</span>, align: 'right', width: 210, hide: 'md' },
  number('late', 'Lateness, p95', (row) => (row.type === 'schedule' ? seconds(row.lateness.p95) : '–'), 'md'),
  number('lag', 'Kafka lag', (row) => (row.type !== 'kafka' ? '–' : row.lag === null ? 'unknown' : count(row.lag)), 'sm'),
]

export function TriggersTable({ filter }: { filter: AnalyticsFilter }) {
  const query = useQuery(triggerFiguresQuery(filter))
  const rows = (query.data?.items ?? []).slice(0, 20)
  return (
    <Section title="Triggers" flush aside={rows.length > 0 ? <CsvButton filter={filter} table="triggers" name="triggers" /> : null} testId="by-trigger">
      {query.isError ? <ErrorPanel error={query.error} onRetry={() => void query.refetch()} /> : null}
      <DataTable
        label="Triggers"
        columns={TRIGGER_COLUMNS}
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
