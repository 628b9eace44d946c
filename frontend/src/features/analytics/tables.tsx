/** Who stands out: workflows, nodes, errors, triggers. Every row leads on. */
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { breakdownQuery, type AnalyticsFilter, type By, type Group, type Sort } from '@/api/queries/analytics'
import { DataTable, type Column } from '@/ui/data-table'
import { ErrorPanel } from '@/ui/error-panel'
import { Section } from '@/ui/page'
import { RowLink } from '@/ui/row-link'
import { CsvButton } from './csv-button'
import { change, count, percent, seconds } from './figures'
import classes from './analytics-page.module.css'

interface TableProps {
  title: string
  filter: AnalyticsFilter
  by: By
  sort: Sort
  columns: Column<Group>[]
  nothing: string
  aside?: ReactNode
}

export function BreakdownTable({ title, filter, by, sort, columns, nothing, aside }: TableProps) {
  const query = useQuery(breakdownQuery(filter, by, sort))
  const rows = (query.data?.items ?? []).filter((row) => sort !== 'failed' || row.failed > 0)
  return (
    <Section title={title} flush aside={<TableAside before={aside}>{rows.length > 0 ? <CsvButton filter={filter} table={{ by, sort }} name={by} /> : null}</TableAside>} testId={`by-${by}`}>
      {query.isError ? <ErrorPanel error={query.error} onRetry={() => void query.refetch()} /> : null}
      <DataTable
        label={title}
        columns={columns}
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

const number = (key: string, header: string, render: (row: Group) => string, hide?: 'md' | 'sm'): Column<Group> => ({
  key,
  header,
  render: (row) => <span className="mr-num">{render(row)}</span>,
  align: 'right',
  width: 74,
  hide,
})
const total = number('total', 'Runs', (row) => count(row.total))
const failed = number('failed', 'Failed', (row) => count(row.failed))
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
const rate = number('rate', 'Success', (row) => percent(row.success_rate), 'sm')
const p95 = number('p95', 'p95', (row) => seconds(row.p95), 'sm')
const nameOf = (row: Group) => row.workflow_name ?? 'A deleted workflow'

export const WORKFLOW_COLUMNS: Column<Group>[] = [
  {
    key: 'workflow',
    header: 'Workflow',
    render: (row) => (
      <RowLink to="/analytics" search={(before) => ({ ...before, workflow_id: row.workflow_id })}>
        {nameOf(row)}
      </RowLink>
    ),
  },
  total,
  before,
  failed,
  rate,
  p95,
]

export const nodeColumns = (withWorkflow: boolean): Column<Group>[] => [
  {
    key: 'node',
    header: 'Node',
    render: (row) => (
      <RowLink to="/workflows/$id" params={{ id: row.workflow_id ?? '' }}>
        {row.node_id} <span className="mr-dim">{withWorkflow ? `in ${nameOf(row)}` : row.type}</span>
      </RowLink>
    ),
  },
  total,
  failed,
  number('retries', 'Retries', (row) => count(row.retries), 'sm'),
  p95,
]

export const errorColumns = (filter: AnalyticsFilter): Column<Group>[] => [
  {
    key: 'error',
    header: 'Error',
    render: (row) => (
      <RowLink to="/executions" search={{ status: 'failed', workflow_id: row.workflow_id ?? filter.workflow_id, q: row.error, from: filter.from, to: filter.to }}>
        <code>{row.error}</code> {row.node_id ? <span className="mr-dim">at {row.node_id}</span> : null}
      </RowLink>
    ),
  },
  failed,
]

export const VERSION_COLUMNS: Column<Group>[] = [
  {
    key: 'version',
    header: 'Version',
    render: (row) => (
      <RowLink to="/analytics" search={(was) => ({ ...was, version: String(row.version) })}>
        <strong>{row.version === 'draft' ? 'Draft' : `v${row.version}`}</strong>
      </RowLink>
    ),
  },
  total,
  before,
  failed,
  rate,
  p95,
]

export const LABEL_COLUMNS: Column<Group>[] = [
  {
    key: 'label',
    header: 'Label',
    render: (row) => (
      <RowLink to="/analytics" search={(was) => ({ ...was, label: row.label })}>
        {row.label}
      </RowLink>
    ),
  },
  total,
  before,
  failed,
  rate,
]
