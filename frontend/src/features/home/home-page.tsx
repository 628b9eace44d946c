import { IconArrowRight, IconPlus } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { seriesQuery, summaryQuery } from '@/api/queries/analytics'
import { executionListQuery } from '@/api/queries/executions'
import { workflowListQuery } from '@/api/queries/workflows'
import { ExecutionsList } from '@/features/executions'
import { HealthPanel } from '@/features/health'
import { TemplateGallery } from '@/features/templates'
import { analyticsFilterOf } from '@/lib/analytics-search'
import type { Tone } from '@/lib/status'
import { plural } from '@/lib/text'
import { useNow } from '@/lib/use-now'
import { KpiCard } from '@/ui/kpi-card'
import { LinkButton } from '@/ui/link-button'
import { Page, Section } from '@/ui/page'
import { RowLink } from '@/ui/row-link'
import classes from './home-page.module.css'

const LATEST = 12
/** The workflow that a host with `--demo` has, and its page shows. */
const DEMO_ORDER = 'demo-order'

export function HomePage() {
  const workflows = useInfiniteQuery(workflowListQuery({}, 200))
  const items = workflows.data?.pages.flatMap((page) => page.items) ?? []
  const live = items.filter(({ enabled, live_version }) => enabled && live_version !== null).length
  const executions = useInfiniteQuery(executionListQuery({}, LATEST))
  const fresh = executions.isSuccess && executions.data.pages.every((page) => page.items.length === 0)
  const few = workflows.isSuccess && (fresh || items.length < 4)
  const gallery = few ? (
    <Section
      title={fresh ? 'Run your first workflow: one press makes it, publishes it and runs it' : 'Try another'}
      aside={
        items.some(({ slug }) => slug === DEMO_ORDER) ? (
          <Link to="/plug" className={classes.all} data-testid="see-plug">
            Or kill the workers while an order runs <IconArrowRight size={14} aria-hidden />
          </Link>
        ) : null
      }
    >
      <TemplateGallery />
    </Section>
  ) : null
  return (
    <Page
      title="Home"
      description={workflows.data ? `${plural(items.length, 'workflow')}${workflows.hasNextPage ? ' and more' : ''}, ${live} of them live` : 'What is running'}
      actions={
        <LinkButton to="/workflows" search={{ new: true }} leftSection={<IconPlus size={15} />}>
          New workflow
        </LinkButton>
      }
    >
      {fresh ? gallery : null}
      <Numbers />
      {fresh ? null : gallery}
      <div className={classes.columns}>
        <section className={classes.latest} aria-label="Latest executions">
          <div className={classes.head}>
            <h2>Latest executions</h2>
            <Link to="/executions" className={classes.all}>
              All executions <IconArrowRight size={14} aria-hidden />
            </Link>
          </div>
          <ExecutionsList filter={{}} limit={LATEST} paged={false} />
        </section>
        <HealthPanel />
      </div>
    </Page>
  )
}

/** What runs, waits and went wrong, each leading to the executions it counts. */
function Numbers() {
  const filter = analyticsFilterOf({}, useNow(60_000))
  const { data: summary } = useQuery(summaryQuery(filter))
  const { data: course } = useQuery(seriesQuery(filter, 'hour'))
  const before = summary?.previous.executions
  const against = (count: number | undefined) => `in 24 hours${count === undefined ? '' : `, ${count.toLocaleString('en-GB')} in the 24 before`}`
  const card = (status: string, label: string, tone: Tone, count: number | undefined, note: string, series?: number[]) => (
    <KpiCard
      label={label}
      tone={tone}
      loading={count === undefined}
      value={
        <RowLink to="/executions" search={series && summary ? { status, finished_from: summary.from, finished_to: summary.to } : status === 'waiting' ? { due: 'false' } : { status }}>
          {count?.toLocaleString('en-GB')}
        </RowLink>
      }
      note={note}
      series={series}
      testId={`count-${status}`}
    />
  )
  return (
    <div className={classes.numbers}>
      {card('running', 'Running', 'running', summary?.queue.running, 'at this moment')}
      {card('waiting', 'Waiting', 'waiting', summary?.queue.waiting, 'for a time or an answer')}
      {card('succeeded', 'Succeeded', 'ok', summary?.executions.succeeded, against(before?.succeeded), (course?.items ?? []).map(({ succeeded }) => succeeded))}
      {card('failed', 'Failed', 'error', summary?.executions.failed, against(before?.failed), (course?.items ?? []).map(({ failed }) => failed))}
    </div>
  )
}
