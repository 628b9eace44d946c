import { Alert, Button, Group, Modal, Select, Stack, TextInput } from '@mantine/core'
import { IconKey } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { problemsByPath } from '@/api/problem'
import { apiKeyKeys, createApiKey } from '@/api/queries/installation'
import type { Role } from '@/api/types'
import { CodeBlock } from '@/ui/code-block'
import { notifyProblem } from '@/ui/notify'
import { ROLES } from './roles'

/** Makes a key and shows it, once. */
export function CreateKey({ onClose }: { onClose: () => void }) {
  const client = useQueryClient()
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('operator')
  const create = useMutation({
    mutationFn: () => createApiKey({ name: name.trim(), role }),
    onSuccess: () => client.invalidateQueries({ queryKey: apiKeyKeys.all }),
    onError: (error) => notifyProblem(error, 'Not made'),
  })
  if (create.data) {
    return (
      <Modal opened onClose={onClose} title={`The key ${create.data.name}`} closeOnClickOutside={false} closeOnEscape={false}>
        <Stack gap="md">
          <Alert color="yellow" variant="light" icon={<IconKey size={16} />} title="Copy it now">
            It is shown this once; only a fingerprint of it is kept.
          </Alert>
          <div data-testid="new-key-text">
            <CodeBlock text={create.data.key} label="the key" wrap />
          </div>
          <Group justify="flex-end">
            <Button onClick={onClose} data-testid="key-copied">
              I have copied it
            </Button>
          </Group>
        </Stack>
      </Modal>
    )
  }
  return (
    <Modal opened onClose={onClose} title="New API key">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          create.mutate()
        }}
      >
        <Stack gap="md">
          <TextInput label="Name" placeholder="billing service" description="Who or what will use it." value={name} onChange={(event) => setName(event.currentTarget.value)} error={problemsByPath(create.error)['/name']} maxLength={200} data-autofocus data-testid="key-name" />
          <Select label="Role" data={ROLES} value={role} onChange={(value) => setRole((value ?? 'operator'))} allowDeselect={false} />
        </Stack>
        <Group justify="flex-end" gap="sm" mt="lg">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending} disabled={name.trim() === ''} data-testid="create-key">
            Make the key
          </Button>
        </Group>
      </form>
    </Modal>
  )
}
