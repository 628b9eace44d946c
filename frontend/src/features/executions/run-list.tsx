import { useInfiniteQuery } from '@tanstack/react-query'
import { executionListQuery, type ExecutionFilter } from '@/api/queries/executions'
import type { ExecutionSummary } from '@/api/types'
import { statusLabel } from '@/lib/status'
import { ErrorPanel } from '@/ui/error-panel'
import { LoadMore } from '@/ui/load-more'
import { Duration, RelativeTime } from '@/ui/relative-time'
import { StatusIcon } from '@/ui/status-icon'
import classes from './run-list.module.css'
import { triggerName } from './trigger-words'

interface RunListProps {
  filter: ExecutionFilter
  /** The one that is shown. */
  selected?: string
  none: string
  onOpen: (id: string) => void
}

const PAGE = 25

/** Executions in a narrow place, newest first: to choose one of. */
export function RunList({ filter, selected, none, onOpen }: RunListProps) {
  const query = useInfiniteQuery(executionListQuery(filter, PAGE))
  if (query.isError && !query.data) return <ErrorPanel error={query.error} onRetry={() => void query.refetch()} />
  const rows = query.data?.pages.flatMap(({ items }) => items) ?? []
  if (rows.length === 0) return <p className={classes.none}>{query.isPending ? '' : none}</p>
  return (
    <>
      <ol className={classes.list} aria-label="Runs">
        {rows.map((execution) => (
          <li key={execution.id}>
            <Item execution={execution} selected={execution.id === selected} onOpen={onOpen} />
          </li>
        ))}
      </ol>
      <LoadMore query={query} />
    </>
  )
}

function Item({ execution, selected, onOpen }: { execution: ExecutionSummary; selected: boolean; onOpen: (id: string) => void }) {
  const { id, status, version, trigger, error, created_at, started_at, finished_at } = execution
  return (
    <button type="button" className={classes.item} aria-current={selected} onClick={() => onOpen(id)} data-testid={`run-item-${id}`} data-status={status}>
      <StatusIcon status={status} size={17} label={statusLabel(status)} />
      <span className={classes.words}>
        <span className={classes.first}>
          <RelativeTime at={created_at} />
          {started_at ? (
            <span className="mr-dim">
              <Duration from={started_at} to={finished_at} />
            </span>
          ) : null}
        </span>
        <span className={`${classes.second} mr-ellipsis`}>{error ? error.message : `${triggerName(trigger)}, ${version === 'draft' ? 'draft' : `version ${version}`}`}</span>
      </span>
    </button>
  )
}
