import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { executionCountQuery, type ExecutionFilter } from '@/api/queries/executions'
import { executionFilterOf, type ExecutionSearch } from '@/lib/execution-search'
import { plural } from '@/lib/text'
import { useNow } from '@/lib/use-now'
import { Page } from '@/ui/page'
import { BulkMenu } from './bulk-menu'
import { ExecutionFilters } from './execution-filters'
import { ExecutionsList } from './executions-list'
import classes from './executions-page.module.css'

const route = getRouteApi('/shell/executions')

export function ExecutionsPage() {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const now = useNow(60_000, search.range !== undefined)
  const filter = executionFilterOf(search, now)
  const change = (next: Partial<ExecutionSearch>) => void navigate({ search: (before) => ({ ...before, ...next }), replace: true })
  const narrowed = Object.values(search).some((value) => value !== undefined)
  return (
    <Page title="Executions" description="Everything that ran, runs or waits." actions={<BulkMenu filter={filter} />}>
      <ExecutionFilters search={search} now={now} narrowed={narrowed} onChange={change} onClear={() => void navigate({ search: {}, replace: true })} />
      <div className={classes.listed}>
        {narrowed ? <Count filter={filter} /> : null}
        <ExecutionsList filter={filter} narrowed={narrowed} />
      </div>
    </Page>
  )
}

/** How many there are like this; of a node also how often it ran in them, which in loops is more often than once. */
function Count({ filter }: { filter: ExecutionFilter }) {
  const { data } = useQuery(executionCountQuery(filter))
  if (!data) return <p className={classes.count}>&nbsp;</p>
  const runs = data.node_runs === null ? '' : `, with ${plural(data.node_runs, 'run')} of the node like this`
  return (
    <p className={classes.count} role="status" data-testid="executions-count" data-executions={data.executions} data-runs={data.node_runs ?? undefined}>
      {data.more ? 'More than ' : ''}
      {plural(data.executions, 'execution')}
      {runs}
    </p>
  )
}
