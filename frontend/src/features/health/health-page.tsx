import { IconLock, IconPlugConnected } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { providersQuery } from '@/api/queries/installation'
import type { Provider } from '@/api/types'
import { DataTable, type Column } from '@/ui/data-table'
import { EmptyState } from '@/ui/empty-state'
import { ErrorPanel } from '@/ui/error-panel'
import { LinkButton } from '@/ui/link-button'
import { Page, Section } from '@/ui/page'
import { RelativeTime } from '@/ui/relative-time'
import { StatusBadge } from '@/ui/status-badge'
import { PROVIDER_STATES, providerAdvice } from './advice'
import { HealthPanel } from './health-panel'
import classes from './health-panel.module.css'

/** Every part of the installation and every host it calls: whether it works, and what to do when it does not. */
export function HealthPage() {
  const query = useQuery(providersQuery())
  return (
    <Page title="Health" description="Every part of this installation, and the hosts that steps call. What does not work says what to do." actions={<LinkButton to="/credentials" variant="default" leftSection={<IconLock size={15} />}>Credentials</LinkButton>}>
      <HealthPanel title="Parts" wide />
      <Section title="Hosts that are called" aside={<span className="mr-dim">the last thirty days</span>} flush testId="providers">
        {query.isError && !query.data ? (
          <ErrorPanel error={query.error} onRetry={() => void query.refetch()} />
        ) : (
          <DataTable
            label="Hosts"
            wrap
            columns={COLUMNS}
            rows={query.data ?? []}
            rowKey={({ credential, host }) => `${credential?.id ?? ''} ${host}`}
            loading={query.isPending}
            testId={({ host }) => `provider-${host}`}
            empty={
              <EmptyState icon={IconPlugConnected} title="No host was called yet">
                After ten failures in a row, calls with a credential to a host are held back for a while instead of hammering it. Which, and until when, stands here.
              </EmptyState>
            }
          />
        )}
      </Section>
    </Page>
  )
}

const COLUMNS: Column<Provider>[] = [
  {
    key: 'host',
    header: 'Host',
    render: (provider) => {
      const advice = providerAdvice(provider, Date.now())
      return (
        <div className={classes.host}>
          <code>{provider.host}</code>
          {advice ? <p className={classes.detail}>{advice}</p> : null}
        </div>
      )
    },
  },
  { key: 'credential', header: 'With', width: 150, hide: 'sm', render: ({ credential }) => (credential ? <Link to="/credentials">{credential.name}</Link> : <span className="mr-dim">no credential</span>) },
  { key: 'state', header: 'State', width: 130, render: ({ state, failures }) => <StatusBadge status={state === 'closed' && failures > 0 ? 'degraded' : PROVIDER_STATES[state].status} label={state === 'closed' && failures > 0 ? 'Failing' : PROVIDER_STATES[state].label} /> },
  { key: 'calls', header: 'Calls', width: 80, align: 'right', hide: 'sm', render: ({ calls }) => calls.toLocaleString('en-GB') },
  { key: 'errors', header: 'Failed', width: 80, align: 'right', render: ({ errors }) => errors.toLocaleString('en-GB') },
  { key: 'time', header: 'Average', width: 90, align: 'right', hide: 'md', render: ({ average_ms }) => (average_ms === null ? '–' : `${average_ms} ms`) },
  { key: 'well', header: 'Last well', width: 110, hide: 'md', render: ({ last_success_at }) => <RelativeTime at={last_success_at} none="never" /> },
]
