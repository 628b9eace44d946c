import { useQuery } from '@tanstack/react-query'
import { executionEventsQuery } from '@/api/queries/executions'
import type { Execution, ExecutionEvent } from '@/api/types'
import { isLive } from '@/lib/status'
import { formatDuration, formatExact, instant } from '@/lib/time'
import { DataTable } from '@/ui/data-table'
import { ErrorPanel } from '@/ui/error-panel'
import { StatusIcon } from '@/ui/status-icon'

/** What happened, in order, with the time since the beginning. */
export function EventsList({ execution, names }: { execution: Execution; names: Record<string, string> }) {
  const events = useQuery(executionEventsQuery(execution.id, isLive(execution.status)))
  if (events.isError) return <ErrorPanel error={events.error} onRetry={() => void events.refetch()} />
  const begin = instant(execution.created_at) ?? 0
  return (
    <DataTable<ExecutionEvent>
      label="Events"
      rows={events.data ?? []}
      rowKey={({ seq }) => String(seq)}
      loading={events.isPending}
      columns={[
        { key: 'seq', header: '#', width: 60, hide: 'sm', render: ({ seq }) => <span className="mr-dim">{seq}</span> },
        { key: 'after', header: 'After', width: 96, render: ({ at }) => formatDuration((instant(at) ?? begin) - begin) },
        {
          key: 'what',
          header: 'Event',
          render: ({ type, status }) => (
            <span style={{ display: 'inline-flex', gap: 8, alignItems: 'center' }}>
              <StatusIcon status={status} />
              <code>{type}</code>
            </span>
          ),
        },
        {
          key: 'node',
          header: 'Step',
          render: ({ node_id: id, iteration }) => (id ? `${names[id] ?? id}${iteration ? ` ${iteration}` : ''}` : <span className="mr-dim">the execution</span>),
        },
        { key: 'at', header: 'At', hide: 'sm', render: ({ at }) => <span className="mr-dim">{formatExact(instant(at) ?? 0)}</span> },
      ]}
    />
  )
}
