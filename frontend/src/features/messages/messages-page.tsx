import { Button, Select } from '@mantine/core'
import { IconMailForward } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { messageListQuery } from '@/api/queries/messages'
import { workflowNamesQuery } from '@/api/queries/workflows'
import type { Message } from '@/api/types'
import { WorkflowSelect } from '@/features/workflows'
import { MESSAGE_CHANNELS, MESSAGE_STATUSES } from '@/lib/message-search'
import { DataTable, type Column } from '@/ui/data-table'
import { EmptyState } from '@/ui/empty-state'
import { ErrorPanel } from '@/ui/error-panel'
import { LoadMore } from '@/ui/load-more'
import { Page } from '@/ui/page'
import { RelativeTime } from '@/ui/relative-time'
import { RowLink } from '@/ui/row-link'
import { StatusBadge } from '@/ui/status-badge'
import { MessageDialog } from './message-dialog'
import { channelName, STATUS_WORDS } from './words'

const route = getRouteApi('/shell/messages')

/** Every message that was handed to a provider, and what became of it. */
export function MessagesPage() {
  const { message, ...filter } = route.useSearch()
  const navigate = route.useNavigate()
  const query = useInfiniteQuery(messageListQuery(filter))
  const names = useQuery(workflowNamesQuery())
  const change = (next: Partial<typeof filter> & { message?: string }) => void navigate({ search: (before) => ({ ...before, ...next }), replace: true })
  const narrowed = Object.values(filter).some((value) => value !== undefined)
  const nameOf = (id: string) => names.data?.items.find((workflow) => workflow.id === id)?.name ?? 'A deleted workflow'
  return (
    <Page title="Messages" description="What was sent by mail, text, push and chat, and what the providers said of it.">
      <div style={{ display: 'flex', flexWrap: 'wrap', gap: 8 }} role="search">
        <Select aria-label="Channel" placeholder="Any channel" clearable w={150} data={MESSAGE_CHANNELS.map((value) => ({ value, label: channelName(value) }))} value={filter.channel ?? null} onChange={(channel) => change({ channel: channel ?? undefined })} data-testid="filter-channel" />
        <Select aria-label="Status" placeholder="Any status" clearable w={150} data={MESSAGE_STATUSES.map((value) => ({ value, label: STATUS_WORDS[value].label }))} value={filter.status ?? null} onChange={(status) => change({ status: status ?? undefined })} />
        <WorkflowSelect value={filter.workflow_id ?? null} onChange={(id) => change({ workflow_id: id ?? undefined })} clearable width={200} />
        {narrowed ? (
          <Button variant="subtle" color="gray" onClick={() => void navigate({ search: {}, replace: true })}>
            Clear
          </Button>
        ) : null}
      </div>
      {query.isError && !query.data ? (
        <ErrorPanel error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <div className="mr-card" style={{ overflow: 'hidden' }}>
          <DataTable
            label="Messages"
            columns={columns(nameOf)}
            rows={query.data?.pages.flatMap(({ items }) => items) ?? []}
            rowKey={({ id }) => id}
            loading={query.isPending}
            testId={({ id }) => `message-${id}`}
            empty={
              narrowed ? (
                <EmptyState icon={IconMailForward} title="No message matches">
                  Drop a filter.
                </EmptyState>
              ) : (
                <EmptyState icon={IconMailForward} title="Nothing was sent yet">
                  Each message of a workflow stands here: accepted, delivered or failed, and by which provider. None is sent twice.
                </EmptyState>
              )
            }
          />
          <LoadMore query={query} />
        </div>
      )}
      {message ? <MessageDialog id={message} nameOf={nameOf} onClose={() => change({ message: undefined })} /> : null}
    </Page>
  )
}

const columns = (nameOf: (id: string) => string): Column<Message>[] => [
  { key: 'status', header: 'Status', width: 140, render: ({ status }) => <StatusBadge status={status} label={STATUS_WORDS[status].label} /> },
  {
    key: 'to',
    header: 'To',
    render: ({ id, channel, recipient }) => (
      <span>
        <RowLink to="/messages" search={(before) => ({ ...before, message: id })}>
          {recipient}
        </RowLink>{' '}
        <span className="mr-dim">{channelName(channel)}</span>
      </span>
    ),
  },
  { key: 'workflow', header: 'Workflow', hide: 'sm', render: ({ workflow_id, execution_id }) => <Link to="/executions/$id" params={{ id: execution_id }} style={{ position: 'relative', zIndex: 1 }}>{nameOf(workflow_id)}</Link> },
  { key: 'provider', header: 'Provider', width: 110, hide: 'md', render: ({ provider }) => provider },
  { key: 'why', header: 'Why', hide: 'md', render: ({ reason, detail }) => <div className="mr-ellipsis mr-dim" title={detail}>{reason}</div> },
  { key: 'at', header: 'Accepted', width: 100, render: ({ accepted_at }) => <RelativeTime at={accepted_at} /> },
]
