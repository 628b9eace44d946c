import { SegmentedControl } from '@mantine/core'
import { IconChartBar } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { seriesQuery, summaryQuery, type AnalyticsFilter } from '@/api/queries/analytics'
import { WorkflowSelect } from '@/features/workflows'
import { analyticsFilterOf, DEFAULT_RANGE, type AnalyticsSearch } from '@/lib/analytics-search'
import { formatClock } from '@/lib/time'
import { useNow } from '@/lib/use-now'
import { EmptyState } from '@/ui/empty-state'
import { ErrorPanel } from '@/ui/error-panel'
import { LinkButton } from '@/ui/link-button'
import { Loading } from '@/ui/loading'
import { Page, Section } from '@/ui/page'
import classes from './analytics-page.module.css'
import { DurationsChart, OutcomesChart } from './charts'
import { CsvButton } from './csv-button'
import { endedWithin, type Span } from './drill'
import { Moment, Numbers } from './numbers'
import { MessagesTable, TriggersTable } from './trigger-tables'
import { Narrowed } from './narrowed'
import { PointsTable } from './points-table'
import { BreakdownTable, errorColumns, labelColumns, nodeColumns, versionColumns, workflowColumns } from './tables'

const route = getRouteApi('/shell/analytics')

const RANGES = [
  { value: '1h', label: '1 hour' },
  { value: '24h', label: '24 hours' },
  { value: '7d', label: '7 days' },
  { value: '30d', label: '30 days' },
  { value: '90d', label: '90 days' },
]

export function AnalyticsPage() {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const now = useNow(60_000, search.from === undefined)
  const filter = analyticsFilterOf(search, now)
  const change = (next: Partial<AnalyticsSearch>) => void navigate({ search: (before) => ({ ...before, ...next }), replace: true })
  const summary = useQuery(summaryQuery(filter))
  const series = useQuery(seriesQuery(filter))
  const own = search.from !== undefined || search.to !== undefined
  return (
    <Page
      title="Analytics"
      description={summary.data ? spanWords(summary.data.from, summary.data.to, now) : 'How executions ended, and how long they took.'}
      actions={
        <div className={classes.filters} role="search" aria-label="Span and workflow">
          <SegmentedControl
            size="xs"
            data={own ? [...RANGES, { value: 'own', label: 'Chosen' }] : RANGES}
            value={own ? 'own' : (search.range ?? DEFAULT_RANGE)}
            onChange={(range) => change({ range: range === DEFAULT_RANGE ? undefined : range, from: undefined, to: undefined })}
            aria-label="Span"
          />
          <WorkflowSelect value={search.workflow_id ?? null} onChange={(id) => change({ workflow_id: id ?? undefined, version: undefined, trigger_id: undefined })} clearable width={200} />
        </div>
      }
    >
      <Narrowed search={search} onChange={change} />
      {summary.isError ? <ErrorPanel error={summary.error} onRetry={() => void summary.refetch()} /> : null}
      {summary.isError && !summary.data ? null : <Numbers summary={summary.data} series={series.data} filter={filter} />}
      {summary.data ? <Moment summary={summary.data} filter={filter} /> : null}
      {summary.data?.executions.total === 0 ? <Nothing /> : <Course filter={filter} />}
      <Tables filter={filter} nodes={search.nodes ?? 'slowest'} onNodes={(nodes) => change({ nodes: nodes === 'slowest' ? undefined : nodes })} />
    </Page>
  )
}

function Course({ filter }: { filter: AnalyticsFilter }) {
  const navigate = route.useNavigate()
  const series = useQuery(seriesQuery(filter))
  const open = (span: Span, status?: string) => void navigate({ to: '/executions', search: endedWithin(filter, span, { status }) })
  if (series.isError) return <ErrorPanel error={series.error} onRetry={() => void series.refetch()} />
  if (!series.data) return <Loading label="Loading the course" />
  return (
    <div className={classes.course}>
      <Section title="How they ended" aside={<CsvButton filter={filter} table="timeseries" name="timeseries" />} testId="chart-outcomes">
        <OutcomesChart series={series.data} onPoint={open} />
      </Section>
      <Section title="How long they took" testId="chart-durations">
        <DurationsChart series={series.data} onPoint={open} />
      </Section>
      <PointsTable series={series.data} filter={filter} />
    </div>
  )
}

type NodeOrder = 'slowest' | 'failed' | 'retries'

const NODE_ORDERS = [
  { value: 'slowest', label: 'Slowest' },
  { value: 'failed', label: 'Failing' },
  { value: 'retries', label: 'Retried' },
]

interface TablesProps {
  filter: AnalyticsFilter
  nodes: NodeOrder
  onNodes: (order: NodeOrder) => void
}

function Tables({ filter, nodes, onNodes }: TablesProps) {
  const one = filter.workflow_id !== undefined
  const order = <SegmentedControl size="xs" data={NODE_ORDERS} value={nodes} onChange={(value) => onNodes(value as NodeOrder)} aria-label="Which nodes first" />
  return (
    <>
      <TriggersTable filter={filter} />
      <div className={classes.tables}>
        {one ? (
          <BreakdownTable title="Versions" filter={filter} by="version" sort="total" columns={versionColumns} nothing="No version has ended an execution in this span." />
        ) : (
          <BreakdownTable title="Workflows" filter={filter} by="workflow" sort="total" columns={workflowColumns} nothing="No workflow has ended an execution in this span." />
        )}
        <BreakdownTable title="What failed, and where" filter={filter} by="node_error" sort="failed" columns={errorColumns} nothing="No node failed in this span." />
        <BreakdownTable title="Nodes" filter={filter} by="node" sort={nodes} columns={nodeColumns(!one)} nothing="No node has run in this span." aside={order} />
        {one ? null : (
          <BreakdownTable title="Labels" filter={filter} by="label" sort="total" columns={labelColumns} nothing="No workflow with a label has ended an execution in this span." />
        )}
      </div>
      <MessagesTable filter={filter} />
    </>
  )
}

function Nothing() {
  return (
    <EmptyState
      icon={IconChartBar}
      title="Nothing ended in this span"
      action={
        <LinkButton to="/workflows" variant="default">
          Workflows
        </LinkButton>
      }
    >
      Figures appear a few seconds after an execution has ended. Choose a longer span, or run a workflow.
    </EmptyState>
  )
}

const spanWords = (from: string, to: string, now: number): string => `${formatClock(Date.parse(from), now)} to ${formatClock(Date.parse(to), now)}`
