import { Button, Group, Modal, Stack, TextInput } from '@mantine/core'
import { IconPlus, IconStack2 } from '@tabler/icons-react'
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { problemsByPath } from '@/api/problem'
import { meQuery } from '@/api/queries/installation'
import { createWorkspace, patchWorkspace, workspaceKeys, workspaceListQuery } from '@/api/queries/tenancy'
import { actIn } from '@/api/session'
import type { Workspace } from '@/api/types'
import { slugFrom } from '@/lib/text'
import { DataTable, type Column } from '@/ui/data-table'
import { EmptyState } from '@/ui/empty-state'
import { ErrorPanel } from '@/ui/error-panel'
import { LoadMore } from '@/ui/load-more'
import { notifyDone, notifyProblem } from '@/ui/notify'
import { Page } from '@/ui/page'
import { RelativeTime } from '@/ui/relative-time'
import { StatusBadge } from '@/ui/status-badge'

/** What the bootstrap key is called by GET /me; only it makes workspaces. */
const OPERATOR = 'bootstrap'

/** The workspaces in which the caller may act: nothing of one is seen from another. */
export function WorkspacesPage() {
  const query = useInfiniteQuery(workspaceListQuery())
  const me = useQuery(meQuery()).data
  const [editing, setEditing] = useState<Workspace | 'new' | null>(null)
  const navigate = useNavigate()
  const enter = (workspace: Workspace) => {
    actIn(workspace.id)
    notifyDone(`You are in ${workspace.name} now, in this tab.`)
    void navigate({ to: '/' })
  }
  const make = (
    <Button leftSection={<IconPlus size={15} />} onClick={() => setEditing('new')} data-testid="new-workspace">
      New workspace
    </Button>
  )
  return (
    <Page title="Workspaces" description="Each has workflows, triggers, credentials, keys and people of its own; nothing of one is seen from another." actions={me?.key.id === OPERATOR ? make : undefined}>
      {query.isError && !query.data ? (
        <ErrorPanel error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <div className="mr-card" style={{ overflow: 'hidden' }}>
          <DataTable
            label="Workspaces"
            columns={columns(me?.workspace.id, me?.role === 'admin', me?.key.id === OPERATOR, enter, setEditing)}
            rows={query.data?.pages.flatMap(({ items }) => items) ?? []}
            rowKey={({ id }) => id}
            loading={query.isPending}
            testId={({ slug }) => `workspace-${slug}`}
            wrap
            empty={<EmptyState icon={IconStack2} title="No workspace">You may act in none; ask an admin of one to add you.</EmptyState>}
          />
          <LoadMore query={query} />
        </div>
      )}
      {editing === null ? null : <WorkspaceForm workspace={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />}
    </Page>
  )
}

const columns = (here: string | undefined, admin: boolean, operator: boolean, enter: (workspace: Workspace) => void, edit: (workspace: Workspace) => void): Column<Workspace>[] => [
  {
    key: 'name',
    header: 'Workspace',
    render: ({ id, name }) => (
      <>
        <strong>{name}</strong> {id === here ? <span className="mr-dim">(here)</span> : null}
      </>
    ),
  },
  { key: 'slug', header: 'Slug', hide: 'sm', render: ({ slug }) => <code>{slug}</code> },
  { key: 'here', header: 'State', width: 150, hide: 'sm', render: ({ id }) => (id === here ? <StatusBadge status="active" label="You are here" /> : <span className="mr-dim">–</span>) },
  { key: 'made', header: 'Made', width: 120, hide: 'md', render: ({ created_at }) => <RelativeTime at={created_at} /> },
  {
    key: 'do',
    header: <span className="mr-visually-hidden">Actions</span>,
    width: 200,
    align: 'right',
    render: (workspace) => (
      <Group gap={4} justify="flex-end" wrap="wrap">
        {operator || (admin && workspace.id === here) ? (
          <Button size="compact-sm" variant="subtle" color="gray" onClick={() => edit(workspace)} aria-label={`Rename ${workspace.name}`}>
            Rename
          </Button>
        ) : null}
        {workspace.id === here ? null : (
          <Button size="compact-sm" variant="default" onClick={() => enter(workspace)} aria-label={`Work in it: ${workspace.name}`}>
            Work in it
          </Button>
        )}
      </Group>
    ),
  },
]

function WorkspaceForm({ workspace, onClose }: { workspace: Workspace | null; onClose: () => void }) {
  const client = useQueryClient()
  const [name, setName] = useState(workspace?.name ?? '')
  const [slug, setSlug] = useState(workspace?.slug ?? null)
  const fields = { name: name.trim(), slug: slug ?? slugFrom(name) }
  const save = useMutation({
    mutationFn: () => (workspace ? patchWorkspace(workspace.id, fields) : createWorkspace(fields)),
    onSuccess: ({ name: made }) => {
      notifyDone(workspace ? 'The workspace is renamed.' : `The workspace ${made} is made. Work in it to make its first key.`)
      onClose()
    },
    onError: (error) => notifyProblem(error, workspace ? 'Not renamed' : 'Not made'),
    onSettled: () => {
      void client.invalidateQueries({ queryKey: workspaceKeys.all })
      void client.invalidateQueries({ queryKey: meQuery().queryKey })
    },
  })
  const problems = problemsByPath(save.error)
  return (
    <Modal opened onClose={onClose} title={workspace ? 'Rename the workspace' : 'New workspace'}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          save.mutate()
        }}
      >
        <Stack gap="md">
          <TextInput label="Name" placeholder="Billing team" value={name} onChange={(event) => setName(event.currentTarget.value)} error={problems['/name']} maxLength={200} data-autofocus data-testid="workspace-name-field" />
          <TextInput label="Slug" description="What programs call it in the header Millrace-Workspace" value={fields.slug} onChange={(event) => setSlug(event.currentTarget.value)} error={problems['/slug']} maxLength={63} data-testid="workspace-slug" />
        </Stack>
        <Group justify="flex-end" gap="sm" mt="lg">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={save.isPending} disabled={fields.name === ''} data-testid="save-workspace">
            {workspace ? 'Save' : 'Make it'}
          </Button>
        </Group>
      </form>
    </Modal>
  )
}
