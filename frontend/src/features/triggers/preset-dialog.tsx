import { Button, Group, Modal, Stack, Textarea, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { ApiProblem, problemsByPath } from '@/api/problem'
import { triggerTypesQuery } from '@/api/queries/installation'
import { createPreset } from '@/api/queries/triggers'
import type { Trigger } from '@/api/types'
import { slugFrom } from '@/lib/text'
import { JsonView } from '@/ui/json-view'
import { notifyDone, notifyProblem } from '@/ui/notify'
import { presetConfig } from './forms/model'

/** Saves a trigger's configuration for the workspace, as something to begin others with. */
export function PresetDialog({ trigger, onClose }: { trigger: Trigger; onClose: () => void }) {
  const client = useQueryClient()
  const [title, setTitle] = useState('')
  const [name, setName] = useState<string | null>(null)
  const [description, setDescription] = useState('')
  const config = presetConfig(trigger)
  const slug = name ?? (title.trim() === '' ? '' : slugFrom(title))
  const save = useMutation({
    mutationFn: () => createPreset({ name: slug, type: trigger.type, title: title.trim(), description: description.trim(), config, input: trigger.input ?? undefined }),
    onSuccess: () => {
      notifyDone('The preset is saved. New triggers of this type can begin with it.')
      onClose()
    },
    onError: (error) => notifyProblem(error, 'Not saved'),
    onSettled: () => client.invalidateQueries({ queryKey: triggerTypesQuery().queryKey }),
  })
  const problems = problemsByPath(save.error)
  const taken = save.error instanceof ApiProblem && save.error.code === 'preset_name_taken' ? save.error.detail : undefined
  return (
    <Modal opened onClose={onClose} title="Save as a preset">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          save.mutate()
        }}
      >
        <Stack gap="md">
          <TextInput label="Title" placeholder="Our shop's webhooks" value={title} onChange={(event) => setTitle(event.currentTarget.value)} error={problems['/title']} maxLength={200} data-autofocus data-testid="preset-title" />
          <TextInput label="Name" description="What programs call it" value={slug} onChange={(event) => setName(event.currentTarget.value)} error={problems['/name'] ?? taken} maxLength={63} data-testid="preset-name" />
          <Textarea label="Description" autosize minRows={2} value={description} onChange={(event) => setDescription(event.currentTarget.value)} error={problems['/description']} maxLength={2000} />
          <JsonView title="What it holds: no secret, and nothing that only one trigger can have" value={trigger.input === null ? config : { config, input: trigger.input }} />
        </Stack>
        <Group justify="flex-end" gap="sm" mt="lg">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={save.isPending} disabled={slug === '' || title.trim() === ''} data-testid="save-preset">
            Save the preset
          </Button>
        </Group>
      </form>
    </Modal>
  )
}
