import { Button, Group, Modal, Select, Textarea, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { problemsByPath } from '@/api/problem'
import { createWorkflow, workflowKeys } from '@/api/queries/workflows'
import { TEMPLATES } from '@/features/templates'
import { emptyDefinition } from '@/lib/definition'
import { slugFrom } from '@/lib/text'
import { notifyProblem } from '@/ui/notify'

const EMPTY = 'empty'

/** A new draft: empty, or with a template's steps. */
export function CreateWorkflow({ onClose }: { onClose: () => void }) {
  const client = useQueryClient()
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const [description, setDescription] = useState('')
  const [from, setFrom] = useState(EMPTY)
  const create = useMutation({
    mutationFn: () => {
      const template = TEMPLATES.find(({ id }) => id === from)
      return createWorkflow({ name: name.trim(), description, definition: template?.definition ?? emptyDefinition() })
    },
    onSuccess: async (workflow) => {
      await client.invalidateQueries({ queryKey: workflowKeys.all })
      await navigate({ to: '/workflows/$id', params: { id: workflow.id } })
    },
    onError: (error) => notifyProblem(error, 'Not created'),
  })
  const problems = problemsByPath(create.error)
  return (
    <Modal opened onClose={onClose} title="New workflow" data-testid="create-workflow">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          create.mutate()
        }}
      >
        <TextInput
          label="Name"
          placeholder="Order flow"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          description={name.trim() ? `Its slug will be ${slugFrom(name)}` : 'What your colleagues will look for'}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          error={problems['/name'] ?? problems['/slug']}
          maxLength={200}
          required
          withAsterisk={false}
          data-autofocus
          data-testid="workflow-name"
        />
        <Textarea label="Description" mt="md" autosize minRows={2} value={description} onChange={(event) => setDescription(event.currentTarget.value)} error={problems['/description']} />
        <Select
          label="Begin with"
          mt="md"
          value={from}
          onChange={(value) => setFrom(value ?? EMPTY)}
          allowDeselect={false}
          data={[{ value: EMPTY, label: 'An empty draft' }, ...TEMPLATES.map(({ id, name: label }) => ({ value: id, label: `The steps of “${label}”` }))]}
        />
        <Group justify="flex-end" gap="sm" mt="lg">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending} disabled={name.trim() === ''} data-testid="create">
            Create
          </Button>
        </Group>
      </form>
    </Modal>
  )
}
