import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { recentExecutionsQuery } from '@/api/queries/executions'
import { messageListQuery } from '@/api/queries/messages'
import { workflowNamesQuery } from '@/api/queries/workflows'
import type { Execution, Undone } from '@/api/types'
import { isLive } from '@/lib/status'
import { plural, shortId } from '@/lib/text'
import { Duration } from '@/ui/relative-time'
import { StatusBadge } from '@/ui/status-badge'
import classes from './execution-page.module.css'

/** The executions that this one started, or those of one of its steps. */
export function Children({ execution, nodeId }: { execution: Execution; nodeId?: string }) {
  const { data } = useQuery(recentExecutionsQuery({ parent_id: execution.id }, 100, isLive(execution.status) ? 3_000 : false))
  const names = useQuery(workflowNamesQuery()).data?.items ?? []
  const children = (data?.items ?? []).filter(({ trigger }) => nodeId === undefined || trigger.node_id === nodeId)
  if (children.length === 0) return null
  return (
    <div data-testid="children">
      <h3 className={classes.subtitle}>Started {plural(children.length, 'execution')}</h3>
      <ul className={classes.related}>
        {children.map(({ id, workflow_id, status, started_at, finished_at }) => (
          <li key={id}>
            <StatusBadge status={status} />
            <Link to="/executions/$id" params={{ id }} className="mr-ellipsis">
              {names.find((each) => each.id === workflow_id)?.name ?? 'A deleted workflow'} <code>{shortId(id)}</code>
            </Link>
            <span className="mr-dim">
              <Duration from={started_at} to={finished_at} />
            </span>
          </li>
        ))}
      </ul>
    </div>
  )
}

/** The messages it handed to providers, and what became of them. */
export function Messages({ execution, nodeId }: { execution: Execution; nodeId?: string }) {
  const { data } = useInfiniteQuery({ ...messageListQuery({ execution_id: execution.id }), refetchInterval: isLive(execution.status) ? 5_000 : false })
  const messages = (data?.pages ?? []).flatMap(({ items }) => items).filter((message) => nodeId === undefined || message.node_id === nodeId)
  if (messages.length === 0) return null
  return (
    <div data-testid="messages">
      <h3 className={classes.subtitle}>{plural(messages.length, 'message')}</h3>
      <ul className={classes.related}>
        {messages.map(({ id, channel, recipient, status, reason }) => (
          <li key={id}>
            <StatusBadge status={status} />
            <Link to="/messages" search={{ message: id }} className="mr-ellipsis" title={reason || undefined}>
              {channel} to {recipient}
            </Link>
          </li>
        ))}
      </ul>
    </div>
  )
}

/** What was taken back after the failure, in the order it was. */
export function UndoOutcome({ undo, names }: { undo: Undone[]; names: Record<string, string> }) {
  const name = (id: string) => names[id] ?? id
  return (
    <div data-testid="undo">
      <h3 className={classes.subtitle}>Taken back</h3>
      <ul className={classes.related}>
        {undo.map(({ node_id, undoes, iteration, status, error }) => (
          <li key={`${node_id} ${undoes} ${iteration ?? ''}`}>
            <StatusBadge status={status} />
            <span className="mr-ellipsis" title={error?.message}>
              {name(undoes)}
              {iteration ? ` ${iteration}` : ''}, by {name(node_id)}
              {error ? <span className="mr-dim">: {error.message}</span> : null}
            </span>
          </li>
        ))}
      </ul>
    </div>
  )
}
