/** Who stands out: workflows, nodes, errors, triggers. Every row leads on. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { breakdownQuery, type AnalyticsFilter, type By, type Group, type Sort } from '@/api/queries/analytics'
import type { ExecutionSearch } from '@/lib/execution-search'
import { DataTable, type Column } from '@/ui/data-table'
import { ErrorPanel } from '@/ui/error-panel'
import { Section } from '@/ui/page'
import { RowLink } from '@/ui/row-link'
import { CsvButton } from './csv-button'
import { endedWithin } from './drill'
import { change, count, percent, seconds } from './figures'
import classes from './analytics-page.module.css'

interface TableProps {
  title: string
  filter: AnalyticsFilter
  by: By
  sort: Sort
  columns: (behind: Behind) => Column<Group>[]
  nothing: string
  aside?: ReactNode
}

export function BreakdownTable({ title, filter, by, sort, columns, nothing, aside }: TableProps) {
  const query = useQuery(breakdownQuery(filter, by, sort))
  const behind: Behind = (row, value, more) => <Within search={endedWithin(filter, query.data ?? { from: '', to: '' }, { ...keysOf(row), ...more })}>{value}</Within>
  const rows = (query.data?.items ?? []).filter((row) => sort !== 'failed' || row.failed > 0)
  return (
    <Section title={title} flush aside={<TableAside before={aside}>{rows.length > 0 ? <CsvButton filter={filter} table={{ by, sort }} name={by} /> : null}</TableAside>} testId={`by-${by}`}>
      {query.isError ? <ErrorPanel error={query.error} onRetry={() => void query.refetch()} /> : null}
      <DataTable
        label={title}
        columns={columns(behind)}
        rows={rows}
        rowKey={(row) => [row.workflow_id, row.node_id, row.version, row.trigger_id, row.error, row.label].join('/')}
        loading={query.isPending}
        empty={query.isError ? null : <p className={classes.nothing}>{nothing}</p>}
      />
    </Section>
  )
}

export function TableAside({ before, children }: { before?: ReactNode; children: ReactNode }) {
  return (
    <span className={classes.aside}>
      {before}
      {children}
    </span>
  )
}

/** A figure of a row as a link to the executions it counts. */
type Behind = (row: Group, value: string, more?: ExecutionSearch) => ReactNode

/** What narrows executions to a row. */
const keysOf = ({ workflow_id, version, trigger_id, label, node_id }: Group): ExecutionSearch =>
  Object.fromEntries(Object.entries({ workflow_id, version: version === undefined ? undefined : String(version), trigger_id, label, node_id }).filter(([, value]) => value !== undefined))

export function Within({ search, children }: { search: ExecutionSearch; children: string }) {
  if (children === '0' || children === '–') return <>{children}</>
  return (
    <Link to="/executions" search={search} className={classes.within}>
      {children}
    </Link>
  )
}

const number = (key: string, header: string, render: (row: Group) => ReactNode, hide?: 'md' | 'sm'): Column<Group> => ({
  key,
  header,
  render: (row) => <span className="mr-num">{render(row)}</span>,
  align: 'right',
  width: 74,
  hide,
})
/** How many there were in the span before, as a change. */
const before: Column<Group> = {
  key: 'before',
  header: 'Before',
  render: (row) => {
    const found = row.previous ? change(row, row.previous, 'total') : null
    return <span className="mr-num mr-dim">{found?.text ?? 'none'}</span>
  },
  align: 'right',
  width: 74,
  hide: 'md',
}
const p95 = number('p95', 'p95', (row) => seconds(row.p95), 'sm')
const nameOf = (row: Group) => row.workflow_name ?? 'A deleted workflow'
const ended = (behind: Behind): Column<Group>[] => [
  number('total', 'Runs', (row) => behind(row, count(row.total))),
  before,
  number('failed', 'Failed', (row) => behind(row, count(row.failed), { status: 'failed' })),
  number('rate', 'Success', (row) => percent(row.success_rate), 'sm'),
]

export const workflowColumns = (behind: Behind): Column<Group>[] => [
  {
    key: 'workflow',
    header: 'Workflow',
    render: (row) => (
      <RowLink to="/analytics" search={(was) => ({ ...was, workflow_id: row.workflow_id })}>
        {nameOf(row)}
      </RowLink>
    ),
  },
  ...ended(behind),
  p95,
]

export const nodeColumns =
  (withWorkflow: boolean) =>
  (behind: Behind): Column<Group>[] => [
    {
      key: 'node',
      header: 'Node',
      render: (row) => (
        <RowLink to="/workflows/$id" params={{ id: row.workflow_id ?? '' }}>
          {row.node_id} <span className="mr-dim">{withWorkflow ? `in ${nameOf(row)}` : row.type}</span>
        </RowLink>
      ),
    },
    number('total', 'Runs', (row) => behind(row, count(row.total))),
    number('failed', 'Failed', (row) => behind(row, count(row.failed), { node_status: 'failed' })),
    number('retries', 'Retries', (row) => behind(row, count(row.retries), { node_retried: 'true' }), 'sm'),
    p95,
  ]

export const errorColumns = (behind: Behind): Column<Group>[] => [
  {
    key: 'error',
    header: 'Error',
    render: (row) => (
      <span>
        <code>{row.error}</code> {row.node_id ? <span className="mr-dim">at {row.node_id}</span> : null}
      </span>
    ),
  },
  number('failed', 'Failed', (row) => behind(row, count(row.failed), { node_error: row.error })),
]

export const versionColumns = (behind: Behind): Column<Group>[] => [
  {
    key: 'version',
    header: 'Version',
    render: (row) => (
      <RowLink to="/analytics" search={(was) => ({ ...was, version: String(row.version) })}>
        <strong>{row.version === 'draft' ? 'Draft' : `v${row.version}`}</strong>
      </RowLink>
    ),
  },
  ...ended(behind),
  p95,
]

export const labelColumns = (behind: Behind): Column<Group>[] => [
  {
    key: 'label',
    header: 'Label',
    render: (row) => (
      <RowLink to="/analytics" search={(was) => ({ ...was, label: row.label })}>
        {row.label}
      </RowLink>
    ),
  },
  ...ended(behind),
]
