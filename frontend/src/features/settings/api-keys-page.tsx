import { Button, Tooltip } from '@mantine/core'
import { IconKey, IconPlus } from '@tabler/icons-react'
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { apiKeyKeys, apiKeyListQuery, meQuery, revokeApiKey } from '@/api/queries/installation'
import type { ApiKey } from '@/api/types'
import { statusLabel } from '@/lib/status'
import { confirm } from '@/ui/confirm'
import { DataTable, type Column } from '@/ui/data-table'
import { EmptyState } from '@/ui/empty-state'
import { ErrorPanel } from '@/ui/error-panel'
import { LoadMore } from '@/ui/load-more'
import { notifyDone, notifyProblem } from '@/ui/notify'
import { Page } from '@/ui/page'
import { RelativeTime } from '@/ui/relative-time'
import { StatusBadge } from '@/ui/status-badge'
import { CreateKey } from './create-key'

export function ApiKeysPage() {
  const query = useInfiniteQuery(apiKeyListQuery())
  const own = useQuery(meQuery()).data?.key.id
  const [creating, setCreating] = useState(false)
  const revoke = useRevoke(own)
  const create = (
    <Button leftSection={<IconPlus size={15} />} onClick={() => setCreating(true)} data-testid="new-key">
      New API key
    </Button>
  )
  return (
    <Page title="API keys" description="One for each program or person, with no more rights than it needs." actions={create}>
      {query.isError ? (
        <ErrorPanel error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <div className="mr-card" style={{ overflow: 'hidden' }}>
          <DataTable
            label="API keys"
            columns={columns(own, revoke)}
            rows={query.data?.pages.flatMap(({ items }) => items) ?? []}
            rowKey={({ id }) => id}
            loading={query.isPending}
            testId={({ id }) => `key-${id}`}
            empty={
              <EmptyState icon={IconKey} title="No keys but the first">
                You are signed in with the bootstrap key. Make a key of its own for each program that calls the API, so that each can be revoked alone.
              </EmptyState>
            }
          />
          <LoadMore query={query} />
        </div>
      )}
      {creating ? <CreateKey onClose={() => setCreating(false)} /> : null}
    </Page>
  )
}

function useRevoke(own: string | undefined): (key: ApiKey) => Promise<void> {
  const client = useQueryClient()
  const { mutate } = useMutation({
    mutationFn: revokeApiKey,
    onSuccess: () => notifyDone('The key is revoked.'),
    onError: (error) => notifyProblem(error, 'Not revoked'),
    onSettled: () => client.invalidateQueries({ queryKey: apiKeyKeys.all }),
  })
  return async (key) => {
    const body = key.id === own ? 'It is the key you are signed in with: you will be signed out.' : 'Programs that use it are refused at once. This cannot be undone.'
    if (await confirm({ title: `Revoke ${key.name}?`, body, yes: 'Revoke', danger: true })) mutate(key.id)
  }
}

const columns = (own: string | undefined, revoke: (key: ApiKey) => Promise<void>): Column<ApiKey>[] => [
  {
    key: 'name',
    header: 'Name',
    render: ({ id, name }) => (
      <>
        <strong>{name}</strong> {id === own ? <span className="mr-dim">(yours)</span> : null}
      </>
    ),
  },
  { key: 'role', header: 'Role', width: 110, render: ({ role }) => statusLabel(role) },
  { key: 'state', header: 'State', width: 110, render: ({ revoked_at }) => <StatusBadge status={revoked_at ? 'revoked' : 'active'} /> },
  {
    key: 'used',
    header: 'Last used',
    width: 120,
    hide: 'sm',
    render: ({ last_used_at }) => (
      <Tooltip label="Noted at most once a minute">
        <span>
          <RelativeTime at={last_used_at} none="never" />
        </span>
      </Tooltip>
    ),
  },
  { key: 'made', header: 'Made', width: 120, hide: 'sm', render: ({ created_at }) => <RelativeTime at={created_at} /> },
  { key: 'id', header: 'Id', hide: 'md', render: ({ id }) => <code className="mr-dim">{id}</code> },
  {
    key: 'do',
    header: <span className="mr-visually-hidden">Actions</span>,
    width: 100,
    align: 'right',
    render: (key) =>
      key.revoked_at ? null : (
        <Button size="compact-sm" variant="subtle" color="red" onClick={() => void revoke(key)} aria-label={`Revoke ${key.name}`}>
          Revoke
        </Button>
      ),
  },
]
