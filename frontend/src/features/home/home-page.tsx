import { IconArrowRight, IconPlus } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { recentExecutionsQuery } from '@/api/queries/executions'
import { workflowListQuery } from '@/api/queries/workflows'
import { ExecutionsList } from '@/features/executions'
import { HealthPanel } from '@/features/health'
import { TemplateGallery } from '@/features/templates'
import type { Tone } from '@/lib/status'
import { plural } from '@/lib/text'
import { useNow } from '@/lib/use-now'
import { KpiCard } from '@/ui/kpi-card'
import { LinkButton } from '@/ui/link-button'
import { Page, Section } from '@/ui/page'
import { RowLink } from '@/ui/row-link'
import { byHour, COUNTED, countWords } from './counts'
import classes from './home-page.module.css'

const DAY = 86_400_000
const POLL = 5_000

export function HomePage() {
  const workflows = useInfiniteQuery(workflowListQuery({}, 200))
  const items = workflows.data?.pages.flatMap((page) => page.items) ?? []
  const live = items.filter(({ enabled, live_version }) => enabled && live_version !== null).length
  const few = workflows.isSuccess && items.length < 4
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
      <Numbers />
      {few ? (
        <Section title={items.length === 0 ? 'Begin with one that works' : 'Try another'}>
          <TemplateGallery />
        </Section>
      ) : null}
      <div className={classes.columns}>
        <section className={classes.latest} aria-label="Latest executions">
          <div className={classes.head}>
            <h2>Latest executions</h2>
            <Link to="/executions" className={classes.all}>
              All executions <IconArrowRight size={14} aria-hidden />
            </Link>
          </div>
          <ExecutionsList filter={{}} limit={12} paged={false} />
        </section>
        <HealthPanel />
      </div>
    </Page>
  )
}

/** What runs, waits and went wrong, each leading to the executions it counts. */
function Numbers() {
  const now = useNow(60_000)
  const since = new Date(Math.floor(now / 60_000) * 60_000 - DAY).toISOString()
  return (
    <div className={classes.numbers}>
      <Count label="Running" status="running" tone="running" note="at this moment" />
      <Count label="Waiting" status="waiting" tone="waiting" note="for a time or an answer" />
      <Count label="Succeeded" status="succeeded" tone="ok" since={since} note="in the last 24 hours" now={now} />
      <Count label="Failed" status="failed" tone="error" since={since} note="in the last 24 hours" now={now} />
    </div>
  )
}

interface CountProps {
  label: string
  status: string
  tone: Tone
  note: string
  since?: string
  now?: number
}

function Count({ label, status, tone, note, since, now }: CountProps) {
  const page = useQuery({ ...recentExecutionsQuery({ status, from: since }, COUNTED, POLL), placeholderData: (before) => before })
  const series = now === undefined ? null : byHour(page.data, now)
  return (
    <KpiCard
      label={label}
      tone={tone}
      loading={page.isPending}
      value={
        <RowLink to="/executions" search={{ status, range: since ? '24h' : undefined }}>
          {countWords(page.data)}
        </RowLink>
      }
      note={note}
      series={series ?? undefined}
      testId={`count-${status}`}
    />
  )
}
