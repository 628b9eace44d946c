import { Button, Group } from '@mantine/core'
import { IconKey, IconPlus, IconPlugConnected, IconTrash } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'
import { authorizeCredential, credentialKeys, credentialListQuery, deleteCredential, testCredential } from '@/api/queries/credentials'
import type { Credential } from '@/api/types'
import { confirm } from '@/ui/confirm'
import { DataTable, type Column } from '@/ui/data-table'
import { EmptyState } from '@/ui/empty-state'
import { ErrorPanel } from '@/ui/error-panel'
import { notifyDone, notifyProblem } from '@/ui/notify'
import { Page } from '@/ui/page'
import { RelativeTime } from '@/ui/relative-time'
import { StatusBadge } from '@/ui/status-badge'

const CredentialForm = lazy(() => import('./credential-form'))
const route = getRouteApi('/shell/credentials')

/** What steps act as: sealed, bound to hosts, tried at a button, never shown again. */
export function CredentialsPage() {
  const { new: creating } = route.useSearch()
  const navigate = route.useNavigate()
  const query = useQuery(credentialListQuery())
  const [editing, setEditing] = useState<Credential | null>(null)
  const setCreating = (open: boolean) => void navigate({ search: { new: open || undefined }, replace: true })
  const add = (
    <Button leftSection={<IconPlus size={15} />} onClick={() => setCreating(true)} data-testid="new-credential">
      New credential
    </Button>
  )
  return (
    <Page title="Credentials" description="What steps act as. Secrets are sealed when they are saved, and never shown again." actions={add}>
      {query.isError ? (
        <ErrorPanel error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <div className="mr-card" style={{ overflow: 'hidden' }}>
          <DataTable
            label="Credentials"
            rows={query.data?.items ?? []}
            rowKey={({ id }) => id}
            loading={query.isPending}
            testId={({ slug }) => `credential-${slug}`}
            columns={columns(setEditing)}
            empty={
              <EmptyState icon={IconKey} title="No credential yet" action={add}>
                A step that needs a key, a password or a token names a credential; the secret itself stands in no workflow.
              </EmptyState>
            }
          />
        </div>
      )}
      <Suspense fallback={null}>
        {creating ? <CredentialForm onClose={() => setCreating(false)} /> : null}
        {editing ? <CredentialForm credential={editing} onClose={() => setEditing(null)} /> : null}
      </Suspense>
    </Page>
  )
}

const columns = (edit: (credential: Credential) => void): Column<Credential>[] => [
  {
    key: 'name',
    header: 'Name',
    render: (credential) => (
      <div style={{ minWidth: 0 }}>
        <strong>{credential.name}</strong>{' '}
        <code className="mr-dim">{credential.slug}</code>
        {credential.problem ? <div data-tone="error" style={{ color: 'var(--tone)', fontSize: 12 }}>{credential.problem}</div> : null}
      </div>
    ),
  },
  { key: 'type', header: 'Type', width: 170, hide: 'sm', render: ({ type }) => type.replaceAll('_', ' ') },
  { key: 'hosts', header: 'Sent to', hide: 'md', render: ({ hosts }) => (hosts.length > 0 ? <code className="mr-ellipsis">{hosts.join(', ')}</code> : <span className="mr-dim">anywhere</span>) },
  { key: 'used', header: 'Last used', width: 120, hide: 'md', render: ({ last_used_at }) => <RelativeTime at={last_used_at} none="never" /> },
  { key: 'test', header: 'Last test', width: 120, hide: 'sm', render: ({ last_test }) => (typeof last_test?.status === 'string' ? <StatusBadge status={last_test.status === 'failed' ? 'down' : last_test.status} label={last_test.status} /> : <span className="mr-dim">–</span>) },
  { key: 'do', header: <span className="mr-visually-hidden">Actions</span>, align: 'right', render: (credential) => <Actions credential={credential} onEdit={() => edit(credential)} /> },
]

function Actions({ credential, onEdit }: { credential: Credential; onEdit: () => void }) {
  const client = useQueryClient()
  const refresh = () => client.invalidateQueries({ queryKey: credentialKeys.all })
  const test = useMutation({
    mutationFn: () => testCredential(credential.id),
    onSuccess: ({ status, message }) => (status === 'ok' ? notifyDone(message, `${credential.name} works`) : notifyProblem(new Error(message), status === 'failed' ? `${credential.name} was refused` : 'Not tested')),
    onError: (error) => notifyProblem(error, 'Not tested'),
    onSettled: refresh,
  })
  const connect = useMutation({ mutationFn: () => authorizeCredential(credential.id), onSuccess: ({ authorization_url: url }) => window.location.assign(url), onError: (error) => notifyProblem(error, 'Not connected') })
  const remove = useMutation({ mutationFn: () => deleteCredential(credential.id), onSuccess: () => notifyDone('The credential is deleted.'), onError: (error) => notifyProblem(error, 'Not deleted'), onSettled: refresh })
  const ask = async () => {
    const body = 'Steps that name it fail from now on. It cannot be brought back.'
    if (await confirm({ title: `Delete ${credential.name}?`, body, yes: 'Delete', danger: true })) remove.mutate()
  }
  return (
    <Group gap={6} justify="flex-end" wrap="nowrap">
      {credential.connected === null ? null : (
        <Button size="compact-sm" variant="default" leftSection={<IconPlugConnected size={14} />} loading={connect.isPending} onClick={() => connect.mutate()} aria-label={`Connect ${credential.name}`}>
          {credential.connected ? 'Connect again' : 'Connect'}
        </Button>
      )}
      <Button size="compact-sm" variant="default" loading={test.isPending} onClick={() => test.mutate()} aria-label={`Test ${credential.name}`}>
        Test
      </Button>
      <Button size="compact-sm" variant="subtle" color="gray" onClick={onEdit} aria-label={`Edit ${credential.name}`}>
        Edit
      </Button>
      <Button size="compact-sm" variant="subtle" color="red" onClick={() => void ask()} aria-label={`Delete ${credential.name}`}>
        <IconTrash size={14} />
      </Button>
    </Group>
  )
}
