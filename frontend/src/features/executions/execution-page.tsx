import { Button } from '@mantine/core'
import { IconBan, IconRefresh, IconRotateClockwise } from '@tabler/icons-react'
import { useMutation, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useExecutionStream } from '@/api/live'
import { executionQuery } from '@/api/queries/executions'
import { actionsQuery } from '@/api/queries/installation'
import { runWorkflow, workflowNamesQuery } from '@/api/queries/workflows'
import type { Execution } from '@/api/types'
import { isLive } from '@/lib/status'
import { shortId } from '@/lib/text'
import { CopyButton } from '@/ui/copy-button'
import { ErrorPanel } from '@/ui/error-panel'
import { Loading } from '@/ui/loading'
import { notifyProblem } from '@/ui/notify'
import { Page } from '@/ui/page'
import { Duration, RelativeTime, WakeTime } from '@/ui/relative-time'
import { StatusBadge } from '@/ui/status-badge'
import { EventsList } from './events-list'
import classes from './execution-page.module.css'
import { RunGraph, useExecutionDefinition } from './run-graph'
import { RunPanel, WholePanel } from './run-panel'
import { triggerName } from './trigger-words'
import { useCancel } from './use-cancel'
import { useRetry } from './use-retry'
import { WaterfallChart } from './waterfall'
import { groupRuns, rowKey } from './waterfall-layout'

const route = getRouteApi('/shell/executions/$id')
const SLOW_POLL = 10_000
const POLL = 1_500

export function ExecutionPage() {
  const { id } = route.useParams()
  const first = useQuery(executionQuery(id, false))
  const live = first.data ? isLive(first.data.status) : false
  const following = useExecutionStream(id, live)
  // With a stream open the poll is only a safety net.
  const query = useQuery(executionQuery(id, following ? SLOW_POLL : POLL))
  if (query.data) return <Loaded execution={query.data} />
  return (
    <Page title="Execution">{query.isError ? <ErrorPanel error={query.error} onRetry={() => void query.refetch()} /> : <Loading />}</Page>
  )
}

const VIEWS = [
  { view: undefined, label: 'Timeline' },
  { view: 'graph', label: 'Graph' },
  { view: 'events', label: 'Events' },
] as const

function Loaded({ execution }: { execution: Execution }) {
  const { view, node: selected = null } = route.useSearch()
  const navigate = route.useNavigate()
  const workflow = useQuery(workflowNamesQuery()).data?.items.find(({ id }) => id === execution.workflow_id)
  const registry = useQuery(actionsQuery()).data ?? []
  const known = useExecutionDefinition(execution.id)
  const names = Object.fromEntries((known.definition?.nodes ?? []).map(({ id, name }) => [id, name ?? id]))
  const select = (node: string | null) => void navigate({ search: (before) => ({ ...before, node: node ?? undefined }), replace: true })
  // A graph names a node, a timeline a node and an iteration; the first iteration stands for the node.
  const groups = groupRuns(execution.nodes)
  const runs = groups.find(([run]) => run !== undefined && (rowKey(run) === selected || run.node_id === selected))
  return (
    <Page
      title={`${workflow?.name ?? 'Execution'} ${shortId(execution.id)}`}
      heading={<Heading execution={execution} name={workflow?.name} />}
      description={<Facts execution={execution} />}
      actions={<Actions execution={execution} />}
    >
      <div className={classes.columns} data-view={view ?? 'timeline'}>
        <div className={`mr-card ${classes.stage}`}>
          <nav className={classes.views} aria-label="Views">
            {VIEWS.map(({ view: target, label }) => (
              <Link
                key={label}
                to="/executions/$id"
                params={{ id: execution.id }}
                search={{ view: target, node: selected ?? undefined }}
                replace
                className={classes.view}
                activeProps={{ 'data-status': '' }}
                data-active={view === target}
                aria-current={view === target ? 'page' : undefined}
                data-testid={`view-${label.toLowerCase()}`}
              >
                {label}
              </Link>
            ))}
          </nav>
          {view === 'graph' ? (
            <RunGraph execution={execution} registry={registry} known={known} selected={runs?.[0]?.node_id ?? null} onSelect={(id) => select(id?.startsWith('trigger:') ? null : id)} />
          ) : view === 'events' ? (
            <EventsList execution={execution} names={names} />
          ) : execution.nodes.length > 0 ? (
            <WaterfallChart execution={execution} registry={registry} names={names} selected={runs?.[0] ? rowKey(runs[0]) : null} onSelect={select} />
          ) : (
            <p className={classes.none}>{isLive(execution.status) ? 'No step has begun yet.' : 'It ended before any step began.'}</p>
          )}
        </div>
        {runs?.[0] ? (
          <RunPanel
            key={rowKey(runs[0])}
            execution={execution}
            runs={runs}
            iterations={groups.filter(([run]) => run?.node_id === runs[0]?.node_id)}
            onIteration={([run]) => run && select(rowKey(run))}
            name={names[runs[0].node_id] ?? runs[0].node_id}
            entry={registry.find(({ type }) => type === runs[0]?.type)}
            onClose={() => select(null)}
          />
        ) : view === 'graph' ? null : (
          <WholePanel execution={execution} names={names} registry={registry} />
        )}
      </div>
    </Page>
  )
}

function Heading({ execution, name }: { execution: Execution; name: string | undefined }) {
  return (
    <span className={classes.heading}>
      {name ? (
        <Link to="/workflows/$id" params={{ id: execution.workflow_id }} className={classes.workflow}>
          {name}
        </Link>
      ) : (
        'A deleted workflow'
      )}
      <StatusBadge status={execution.status} testId="execution-status" />
    </span>
  )
}

function Facts({ execution }: { execution: Execution }) {
  const { id, version, trigger, created_at, started_at, finished_at, wake_at, status, retry_of, parent_id } = execution
  return (
    <span className={classes.facts}>
      <span className={classes.id}>
        <code>{shortId(id)}</code>
        <CopyButton value={id} label="Copy the execution's id" />
      </span>
      <span>{version === 'draft' ? 'Draft' : `Version ${version}`}</span>
      {trigger.id ? (
        <Link to="/triggers/$id" params={{ id: trigger.id }}>
          {triggerName(trigger)}
        </Link>
      ) : (
        <span>{triggerName(trigger)}</span>
      )}
      <span>
        <RelativeTime at={created_at} />
      </span>
      {started_at ? (
        <span>
          {finished_at ? 'took' : 'for'} <Duration from={started_at} to={finished_at} />
        </span>
      ) : null}
      {parent_id ? (
        <Link to="/executions/$id" params={{ id: parent_id }} search={{ node: typeof trigger.node_id === 'string' ? trigger.node_id : undefined }} data-testid="parent">
          part of {shortId(parent_id)}
        </Link>
      ) : null}
      {retry_of ? (
        <Link to="/executions/$id" params={{ id: retry_of }}>
          retry of {shortId(retry_of)}
        </Link>
      ) : null}
      {status === 'waiting' && wake_at ? (
        <span className={classes.wakes} data-tone="waiting">
          <WakeTime at={wake_at} />
        </span>
      ) : null}
    </span>
  )
}

function Actions({ execution }: { execution: Execution }) {
  const cancel = useCancel()
  const navigate = useNavigate()
  const retry = useRetry(execution.id)
  const again = useMutation({
    mutationFn: () => runWorkflow(execution.workflow_id, { input: execution.input, ...(execution.version === 'draft' ? { version: 'draft' as const } : {}) }),
    onSuccess: (started) => navigate({ to: '/executions/$id', params: { id: started.id } }),
    onError: (error) => notifyProblem(error, 'Not started'),
  })
  return (
    <>
      <Button variant="default" leftSection={<IconRefresh size={15} />} loading={again.isPending} onClick={() => again.mutate()} data-testid="run-again">
        Run again
      </Button>
      {execution.status === 'failed' || execution.status === 'cancelled' ? (
        <Button leftSection={<IconRotateClockwise size={15} />} loading={retry.isPending} onClick={() => retry.mutate(undefined)} data-testid="retry">
          Retry what failed
        </Button>
      ) : null}
      {isLive(execution.status) ? (
        <Button variant="default" leftSection={<IconBan size={15} />} onClick={() => void cancel(execution.id)} data-testid="cancel">
          Cancel
        </Button>
      ) : null}
    </>
  )
}
