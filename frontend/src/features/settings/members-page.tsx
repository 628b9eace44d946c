import { Button, Group, Modal, Select, Stack, TextInput } from '@mantine/core'
import { IconPlus, IconUsers } from '@tabler/icons-react'
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { problemsByPath } from '@/api/problem'
import { meQuery } from '@/api/queries/installation'
import { addMember, changeRole, memberKeys, memberListQuery, removeMember } from '@/api/queries/tenancy'
import type { Member, Role } from '@/api/types'
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
import { ROLES } from './roles'

/** The people of the workspace: who they are is said by the installation's OpenID provider, what they may do here. */
export function MembersPage() {
  const query = useInfiniteQuery(memberListQuery())
  const me = useQuery(meQuery()).data
  const [adding, setAdding] = useState(false)
  const change = useMembers()
  const add = (
    <Button leftSection={<IconPlus size={15} />} onClick={() => setAdding(true)} disabled={query.isError} data-testid="add-member">
      Add a member
    </Button>
  )
  return (
    <Page title="Members" description={`People who sign in with the organisation's account${me ? `, and what they may do in ${me.workspace.name}` : ''}.`} actions={add}>
      {query.isError && !query.data ? (
        <ErrorPanel error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <div className="mr-card" style={{ overflow: 'hidden' }}>
          <DataTable
            label="Members"
            columns={columns(me?.key.id, change)}
            rows={query.data?.pages.flatMap(({ items }) => items) ?? []}
            rowKey={({ id }) => id}
            loading={query.isPending}
            testId={({ email }) => `member-${email}`}
            wrap
            empty={
              <EmptyState icon={IconUsers} title="Nobody but keys">
                Add people by their address. They are let in when they come with a token of the installation&rsquo;s OpenID provider that vouches for it; programs use API keys.
              </EmptyState>
            }
          />
          <LoadMore query={query} />
        </div>
      )}
      {adding ? <AddMember onClose={() => setAdding(false)} /> : null}
    </Page>
  )
}

interface Change {
  role: (member: Member, role: Role) => Promise<void>
  remove: (member: Member) => Promise<void>
}

function useMembers(): Change {
  const client = useQueryClient()
  const { mutate } = useMutation({
    mutationFn: ({ run }: { run: () => Promise<unknown>; done: string }) => run(),
    onSuccess: (_, { done }) => notifyDone(done),
    onError: (error) => notifyProblem(error, 'Not changed'),
    onSettled: () => client.invalidateQueries({ queryKey: memberKeys.all }),
  })
  return {
    role: async ({ id, email, role: was }, role) => {
      if (role === was) return
      const body = role === 'admin' ? 'They may then manage keys and members, also you.' : was === 'admin' ? 'They may no longer manage keys and members.' : 'It holds at once.'
      if (await confirm({ title: `Make ${email} ${role === 'viewer' ? 'a' : 'an'} ${role}?`, body, yes: `Make ${role}` })) mutate({ run: () => changeRole(id, role), done: `${email} is ${role} now.` })
    },
    remove: async ({ id, email }) => {
      if (await confirm({ title: `Remove ${email}?`, body: 'Their rights in this workspace end at once. What they made stays.', yes: 'Remove', danger: true })) mutate({ run: () => removeMember(id), done: `${email} is no longer a member.` })
    },
  }
}

const columns = (own: string | undefined, change: Change): Column<Member>[] => [
  {
    key: 'email',
    header: 'Member',
    render: ({ id, email }) => (
      <>
        <strong>{email}</strong> {id === own ? <span className="mr-dim">(you)</span> : null}
      </>
    ),
  },
  {
    key: 'role',
    header: 'Role',
    width: 128,
    render: (member) => (
      <Select
        size="xs"
        aria-label={`Role of ${member.email}`}
        allowDeselect={false}
        data={ROLES.map(({ value }) => ({ value, label: statusLabel(value) }))}
        value={member.role}
        onChange={(role) => void change.role(member, role as Role)}
        comboboxProps={{ width: 140 }}
      />
    ),
  },
  { key: 'state', header: 'State', width: 124, hide: 'sm', render: ({ joined }) => <StatusBadge status={joined ? 'active' : 'pending'} label={joined ? 'Joined' : 'Invited'} /> },
  { key: 'seen', header: 'Last seen', width: 120, hide: 'sm', render: ({ last_seen_at }) => <RelativeTime at={last_seen_at} none="never" /> },
  { key: 'made', header: 'Added', width: 120, hide: 'md', render: ({ created_at }) => <RelativeTime at={created_at} /> },
  {
    key: 'do',
    header: <span className="mr-visually-hidden">Actions</span>,
    width: 96,
    align: 'right',
    render: (member) => (
      <Button size="compact-sm" variant="subtle" color="red" onClick={() => void change.remove(member)} aria-label={`Remove ${member.email}`}>
        Remove
      </Button>
    ),
  },
]

function AddMember({ onClose }: { onClose: () => void }) {
  const client = useQueryClient()
  const [email, setEmail] = useState('')
  const [role, setRole] = useState<Role>('viewer')
  const add = useMutation({
    mutationFn: () => addMember({ email: email.trim(), role }),
    onSuccess: (made) => {
      notifyDone(`${made.email} is a member.`)
      onClose()
    },
    onError: (error) => notifyProblem(error, 'Not added'),
    onSettled: () => client.invalidateQueries({ queryKey: memberKeys.all }),
  })
  return (
    <Modal opened onClose={onClose} title="Add a member">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          add.mutate()
        }}
      >
        <Stack gap="md">
          <TextInput type="email" label="Address" placeholder="ada@example.com" description="As the OpenID provider knows it. No mail is sent." value={email} onChange={(event) => setEmail(event.currentTarget.value)} error={problemsByPath(add.error)['/email']} maxLength={254} data-autofocus data-testid="member-email" />
          <Select label="Role" data={ROLES} value={role} onChange={(value) => setRole((value) ?? 'viewer')} allowDeselect={false} data-testid="member-role" />
        </Stack>
        <Group justify="flex-end" gap="sm" mt="lg">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={add.isPending} disabled={!email.includes('@')} data-testid="save-member">
            Add
          </Button>
        </Group>
      </form>
    </Modal>
  )
}
