import { Button } from '@mantine/core'
import { IconPlayerPlayFilled, IconPlugX } from '@tabler/icons-react'
import { useMutation, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { callsQuery, pullThePlug, workersQuery, type Worker } from '@/api/queries/demo'
import { actionsQuery } from '@/api/queries/installation'
import { runWorkflow, workflowListQuery, workflowQuery } from '@/api/queries/workflows'
import { DefinitionGraph } from '@/features/builder'
import { useShownRun } from '@/features/executions'
import { emptyDefinition } from '@/lib/definition'
import { isLive } from '@/lib/status'
import { formatClock } from '@/lib/time'
import { EmptyState } from '@/ui/empty-state'
import { notifyProblem } from '@/ui/notify'
import { Page, Section } from '@/ui/page'
import { Duration } from '@/ui/relative-time'
import { StatusBadge } from '@/ui/status-badge'
import { useInfiniteQuery } from '@tanstack/react-query'
import classes from './plug-page.module.css'

const route = getRouteApi('/shell/plug')
const SLUG = 'demo-order'

interface Happened {
  at: number
  what: string
}

/** An order on its way, and a button that kills what runs it. */
export function PlugPage() {
  const { run: runId } = route.useSearch()
  const navigate = route.useNavigate()
  const found = useInfiniteQuery(workflowListQuery({ q: SLUG })).data?.pages[0]?.items.find(({ slug }) => slug === SLUG)
  const workflow = useQuery({ ...workflowQuery(found?.id ?? ''), enabled: found !== undefined }).data?.workflow
  const registry = useQuery(actionsQuery()).data
  const workers = useQuery(workersQuery()).data ?? []
  const definition = workflow?.definition ?? EMPTY
  const { execution, run } = useShownRun(runId, definition)
  const happened = useHappenings(workers)
  const start = useMutation({
    mutationFn: () => runWorkflow(found?.id ?? '', { input: { order: `A-${Date.now().toString(36)}`, total: 129.9 } }),
    onSuccess: ({ id }) => navigate({ search: { run: id }, replace: true }),
    onError: (error) => notifyProblem(error, 'Not started'),
  })
  const plug = useMutation({
    mutationFn: pullThePlug,
    onSuccess: ({ killed }) => happened.add(`killed ${killed.map(({ name, pid }) => `${name} (process ${pid})`).join(', ') || 'nothing: no worker was up'}`),
    onError: (error) => notifyProblem(error, 'Not pulled'),
  })
  const live = execution !== undefined && isLive(execution.status)
  if (!workflow || !registry) {
    return (
      <Page title="Pull the plug">
        <EmptyState icon={IconPlugX} title="The order flow is not here">
          Start Millrace with <code>./run --demo</code>, which loads it.
        </EmptyState>
      </Page>
    )
  }
  return (
    <Page
      title="Pull the plug"
      description="Start an order, kill the worker processes in the middle of it, and watch it go on in new ones, with one charge."
      actions={
        <>
          <Button variant={live ? 'default' : 'filled'} leftSection={<IconPlayerPlayFilled size={13} />} loading={start.isPending} disabled={live} onClick={() => start.mutate()} data-testid="start-order">
            Start an order
          </Button>
          <Button color="red.8" leftSection={<IconPlugX size={16} />} loading={plug.isPending} onClick={() => plug.mutate()} data-testid="pull-plug">
            Pull the plug
          </Button>
        </>
      }
    >
      <div className={`mr-card ${classes.stage}`}>
        <div className={classes.state}>
          {execution ? (
            <>
              <StatusBadge status={execution.status} testId="plug-status" />
              {execution.started_at ? <Duration from={execution.started_at} to={execution.finished_at} /> : null}
              <Link to="/executions/$id" params={{ id: execution.id }}>
                Its page
              </Link>
            </>
          ) : (
            <span className="mr-dim">No order is under way.</span>
          )}
        </div>
        <div className={classes.graph}>
          <DefinitionGraph definition={definition} registry={registry} states={run?.states} label="The order flow" />
        </div>
      </div>
      <div className={classes.columns}>
        <Section title="What happened to the workers">
          <p className="mr-dim">Now: {workers.map(({ name, pid }) => `${name}, process ${pid}`).join(' · ') || 'none'}</p>
          <ol className={classes.list} data-testid="happenings">
            {happened.list.map(({ at, what }, index) => (
              <li key={index}>
                <span className="mr-dim mr-num">{formatClock(at, at)}</span> {what}
              </li>
            ))}
          </ol>
        </Section>
        <Calls order={(execution?.input as { order?: string } | undefined)?.order} />
      </div>
    </Page>
  )
}

const EMPTY = emptyDefinition()

/** New process numbers, noticed as they come. */
function useHappenings(workers: readonly Worker[]) {
  const [list, setList] = useState<Happened[]>([])
  const [known, setKnown] = useState<Record<string, number>>({})
  const add = (what: string) => setList((before) => [...before, { at: Date.now(), what }])
  const now = JSON.stringify(workers)
  useEffect(() => {
    const fresh = workers.filter(({ name, pid }) => known[name] !== undefined && known[name] !== pid)
    if (fresh.length > 0) setList((before) => [...before, { at: Date.now(), what: `started ${fresh.map(({ name, pid }) => `${name} again (process ${pid})`).join(', ')}` }])
    if (workers.length > 0) setKnown(Object.fromEntries(workers.map(({ name, pid }) => [name, pid])))
    // `now` stands for the workers; what is known follows from them.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [now])
  return { list, add }
}

/** What the recorder on the other side saw of this order. */
function Calls({ order }: { order: string | undefined }) {
  const calls = useQuery(callsQuery()).data ?? []
  const own = order === undefined ? [] : calls.filter(({ body }) => body.includes(`"${order}"`)).reverse()
  const charges = own.filter(({ path, repeat }) => path === '/charges' && !repeat).length
  return (
    <Section title="What the other side saw">
      <p className={classes.charges} data-testid="charges" data-count={charges}>
        {charges === 1 ? 'One charge' : `${charges} charges`}
      </p>
      <ol className={classes.list}>
        {own.map(({ at, method, path, repeat }) => (
          <li key={`${at} ${path}`}>
            <span className="mr-dim mr-num">{formatClock(new Date(at).getTime(), Date.now())}</span> <code>{`${method} ${path}`}</code>
            {repeat ? <span className="mr-dim"> the same key again, so nothing was done twice</span> : null}
          </li>
        ))}
      </ol>
    </Section>
  )
}
