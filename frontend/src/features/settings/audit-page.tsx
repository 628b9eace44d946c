import { Button, TextInput } from '@mantine/core'
import { IconShieldCheck } from '@tabler/icons-react'
import { useInfiniteQuery, useMutation } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { auditListQuery, checkAudit } from '@/api/queries/tenancy'
import type { AuditCheck, AuditEntry } from '@/api/types'
import type { AuditSearch } from '@/lib/audit-search'
import { fromLocalField, toLocalField } from '@/lib/time'
import { DataTable, type Column } from '@/ui/data-table'
import { EmptyState } from '@/ui/empty-state'
import { ErrorPanel } from '@/ui/error-panel'
import { FilterPills } from '@/ui/filter-pill'
import { LoadMore } from '@/ui/load-more'
import { notifyProblem } from '@/ui/notify'
import { Page } from '@/ui/page'
import { RelativeTime } from '@/ui/relative-time'
import { SearchInput } from '@/ui/search-input'
import { StatusBadge } from '@/ui/status-badge'
import classes from './audit-page.module.css'

const route = getRouteApi('/shell/audit')

/** Who changed what, newest first; each entry is chained to the one before, so that none can be changed unseen. */
export function AuditPage() {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const query = useInfiniteQuery(auditListQuery(search))
  const check = useMutation({ mutationFn: checkAudit, onError: (error) => notifyProblem(error, 'Not checked') })
  const change = (next: Partial<AuditSearch>) => void navigate({ search: (before) => ({ ...before, ...next }), replace: true })
  const narrowed = Object.values(search).some((value) => value !== undefined)
  return (
    <Page
      title="Audit log"
      description="Who changed what in this workspace: fields are named, never what is in them."
      actions={
        <Button variant="default" leftSection={<IconShieldCheck size={15} />} loading={check.isPending} onClick={() => check.mutate()} data-testid="check-audit">
          Check that it is whole
        </Button>
      }
    >
      {check.data ? <Checked found={check.data} /> : null}
      <div className={classes.filters} role="search">
        <SearchInput className={classes.find} aria-label="Action" placeholder="Action, such as publish_workflow" value={search.action ?? ''} onChange={(action) => change({ action: action || undefined })} data-testid="filter-action" />
        <SearchInput className={classes.find} aria-label="Resource" placeholder="Path, such as /workflows/" value={search.resource ?? ''} onChange={(resource) => change({ resource: resource || undefined })} data-testid="filter-resource" />
        <TextInput type="datetime-local" aria-label="From" leftSection="from" leftSectionWidth={46} value={toLocalField(search.from)} onChange={(event) => change({ from: fromLocalField(event.currentTarget.value) })} />
        <TextInput type="datetime-local" aria-label="To" leftSection="to" leftSectionWidth={34} value={toLocalField(search.to)} onChange={(event) => change({ to: fromLocalField(event.currentTarget.value) })} />
        {narrowed ? (
          <Button variant="subtle" color="gray" onClick={() => void navigate({ search: {}, replace: true })} data-testid="clear-filters">
            Clear
          </Button>
        ) : null}
      </div>
      <FilterPills parts={[{ name: 'actor', words: 'Actor', value: search.actor }]} onDrop={() => change({ actor: undefined })} />
      {query.isError && !query.data ? (
        <ErrorPanel error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <div className="mr-card" style={{ overflow: 'hidden' }}>
          <DataTable
            label="Audit log"
            columns={COLUMNS}
            rows={query.data?.pages.flatMap(({ items }) => items) ?? []}
            rowKey={({ seq }) => String(seq)}
            loading={query.isPending}
            testId={({ seq }) => `audit-${seq}`}
            empty={
              narrowed ? (
                <EmptyState icon={IconShieldCheck} title="No entry matches">
                  Widen the time or drop a filter.
                </EmptyState>
              ) : (
                <EmptyState icon={IconShieldCheck} title="Nothing has been changed yet">
                  Every change of a workflow, trigger, credential, key or member is noted here, in the transaction that makes it.
                </EmptyState>
              )
            }
          />
          <LoadMore query={query} />
        </div>
      )}
    </Page>
  )
}

function Checked({ found: { entries, hash, intact, broken_at } }: { found: AuditCheck }) {
  return (
    <div className={`mr-card ${classes.checked}`} role="status" data-testid="audit-checked" data-intact={intact}>
      <StatusBadge status={intact ? 'ok' : 'down'} label={intact ? 'Whole' : 'Changed'} />
      <span>
        {intact ? `All ${entries.toLocaleString('en-GB')} entries are as they were written.` : `Entry ${broken_at} is not what was written, or what came after it is gone.`}
        {intact && hash ? (
          <>
            {' '}
            <span className="mr-dim">Keep the last hash elsewhere: </span>
            <code className={classes.hash}>{hash}</code>
          </>
        ) : null}
      </span>
    </div>
  )
}

const COLUMNS: Column<AuditEntry>[] = [
  { key: 'at', header: 'When', width: 100, render: ({ at }) => <RelativeTime at={at} /> },
  {
    key: 'actor',
    header: 'Who',
    width: 170,
    render: ({ actor }) => (
      <Link to="/audit" search={(before: AuditSearch) => ({ ...before, actor: actor.id })} title={`Only what ${actor.name} did`}>
        {actor.name}
      </Link>
    ),
  },
  { key: 'action', header: 'Did', width: 210, render: ({ action }) => <strong>{actionWords(action)}</strong> },
  { key: 'resource', header: 'To', render: ({ resource }) => <Resource path={resource} />, hide: 'sm' },
  { key: 'fields', header: 'Fields', hide: 'md', render: ({ fields }) => <span className="mr-dim">{fields.join(', ')}</span> },
  { key: 'address', header: 'From', width: 130, hide: 'md', render: ({ address }) => <code className="mr-dim">{address}</code> },
  { key: 'seq', header: 'No.', width: 70, align: 'right', hide: 'sm', render: ({ seq }) => <span className="mr-num mr-dim">{seq}</span> },
]

/** "publish_workflow" as "Publish workflow". */
const actionWords = (action: string): string => action.charAt(0).toUpperCase() + action.slice(1).replaceAll('_', ' ')

/** What was changed, as a link where it has a page. */
function Resource({ path }: { path: string }) {
  const [, kind, id] = /^\/(workflows|triggers|executions)\/((?:wf|trg|exe)_[0-9a-z]+)/.exec(path) ?? []
  if (kind === 'workflows' && id) return <Link to="/workflows/$id" params={{ id }}><code>{path}</code></Link>
  if (kind === 'triggers' && id) return <Link to="/triggers/$id" params={{ id }}><code>{path}</code></Link>
  if (kind === 'executions' && id) return <Link to="/executions/$id" params={{ id }}><code>{path}</code></Link>
  return <code>{path}</code>
}
