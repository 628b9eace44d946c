import { ActionIcon, Button, Tooltip } from '@mantine/core'
import { IconBan, IconPlayerPlay, IconPlayerPlayFilled } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { executionListQuery, type ExecutionFilter } from '@/api/queries/executions'
import { workflowNamesQuery } from '@/api/queries/workflows'
import type { ExecutionSummary } from '@/api/types'
import { isLive } from '@/lib/status'
import { shortId } from '@/lib/text'
import { DataTable, type Column } from '@/ui/data-table'
import { EmptyState } from '@/ui/empty-state'
import { LinkButton } from '@/ui/link-button'
import { ErrorPanel } from '@/ui/error-panel'
import { LoadMore } from '@/ui/load-more'
import { Duration, RelativeTime, WakeTime } from '@/ui/relative-time'
import { RowLink } from '@/ui/row-link'
import { StatusBadge } from '@/ui/status-badge'
import { triggerName } from './trigger-words'
import { useCancel } from './use-cancel'

interface ExecutionsListProps {
  filter: ExecutionFilter
  limit?: number
  hideWorkflow?: boolean
  /** Whether the filter leaves anything out, so that "none" means "none like this". */
  narrowed?: boolean
  /** Said instead, where the list stands on the page of what would fill it. */
  none?: string
  onRun?: () => void
  paged?: boolean
}

/** Executions, newest first, kept fresh while it is looked at. */
export function ExecutionsList({ filter, limit = 50, hideWorkflow = false, narrowed = false, none, onRun, paged = true }: ExecutionsListProps) {
  const query = useInfiniteQuery(executionListQuery(filter, limit))
  const names = useQuery({ ...workflowNamesQuery(), enabled: !hideWorkflow })
  const cancel = useCancel()
  if (query.isError && !query.data) return <ErrorPanel error={query.error} onRetry={() => void query.refetch()} />
  const nameOf = (id: string) => names.data?.items.find((workflow) => workflow.id === id)?.name
  return (
    <div className="mr-card" style={{ overflow: 'hidden' }}>
      <DataTable
        label="Executions"
        columns={columns({ nameOf, hideWorkflow, cancel })}
        rows={query.data?.pages.flatMap(({ items }) => items) ?? []}
        rowKey={({ id }) => id}
        loading={query.isPending}
        testId={({ id }) => `execution-${id}`}
        empty={none ? <EmptyState icon={IconPlayerPlay} title={none} /> : <Nothing narrowed={narrowed} onRun={onRun} />}
      />
      {paged ? <LoadMore query={query} /> : null}
    </div>
  )
}

function Nothing({ narrowed, onRun }: { narrowed: boolean; onRun?: () => void }) {
  if (narrowed) return <EmptyState icon={IconPlayerPlay} title="No execution matches">Widen the time or drop a filter.</EmptyState>
  return (
    <EmptyState
      icon={IconPlayerPlay}
      title="Nothing has run yet"
      action={
        onRun ? (
          <Button leftSection={<IconPlayerPlayFilled size={13} />} onClick={onRun}>
            Run it now
          </Button>
        ) : (
          <LinkButton to="/workflows" variant="default">
            See the workflows
          </LinkButton>
        )
      }
    >
      Every run of a workflow stands here with its input, its steps and its output: run one by hand, or let a trigger start it.
    </EmptyState>
  )
}

interface ColumnContext {
  nameOf: (id: string) => string | undefined
  hideWorkflow: boolean
  cancel: (id: string) => Promise<void>
}

function columns({ nameOf, hideWorkflow, cancel }: ColumnContext): Column<ExecutionSummary>[] {
  const all: (Column<ExecutionSummary> | false)[] = [
    { key: 'status', header: 'Status', width: 136, render: ({ status }) => <StatusBadge status={status} /> },
    {
      key: 'id',
      header: hideWorkflow ? 'Execution' : 'Workflow',
      render: (execution) => (
        <span>
          <RowLink to="/executions/$id" params={{ id: execution.id }}>
            {hideWorkflow ? <code>{shortId(execution.id)}</code> : (nameOf(execution.workflow_id) ?? 'A deleted workflow')}
          </RowLink>{' '}
          <span className="mr-dim">{execution.version === 'draft' ? 'draft' : `v${execution.version}`}</span>
        </span>
      ),
    },
    { key: 'trigger', header: 'Started by', width: 98, hide: 'sm', render: ({ trigger }) => triggerName(trigger) },
    { key: 'note', header: 'What', render: (execution) => <Note execution={execution} />, hide: 'md' },
    { key: 'at', header: 'Created', width: 96, render: ({ created_at }) => <RelativeTime at={created_at} /> },
    { key: 'took', header: 'Took', width: 104, align: 'right', hide: 'sm', render: ({ started_at, finished_at }) => <Duration from={started_at} to={finished_at} /> },
    {
      key: 'do',
      header: <span className="mr-visually-hidden">Actions</span>,
      width: 62,
      align: 'right',
      hide: 'sm',
      render: ({ id, status }) =>
        isLive(status) ? (
          <Tooltip label="Cancel">
            <ActionIcon aria-label={`Cancel execution ${shortId(id)}`} onClick={() => void cancel(id)}>
              <IconBan size={15} />
            </ActionIcon>
          </Tooltip>
        ) : null,
    },
  ]
  return all.filter((column) => column !== false)
}

/** Why it failed, or what it waits for. */
function Note({ execution: { error, wake_at, status } }: { execution: ExecutionSummary }) {
  if (error) {
    return (
      <Tooltip label={error.message} multiline maw={420}>
        <div className="mr-ellipsis mr-dim">
          {error.node_id ? <code>{error.node_id}</code> : null} {error.message}
        </div>
      </Tooltip>
    )
  }
  return status === 'waiting' && wake_at ? (
    <span className="mr-dim">
      <WakeTime at={wake_at} />
    </span>
  ) : null
}
