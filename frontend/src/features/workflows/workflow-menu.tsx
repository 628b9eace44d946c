import { Button, Group, Menu, Modal, TagsInput, Textarea, TextInput } from '@mantine/core'
import { IconCheck, IconCopy, IconDownload, IconPencil, IconPlayerPause, IconPlayerPlay, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { create } from 'zustand'
import { problemsByPath } from '@/api/problem'
import type { WorkflowSummary } from '@/api/types'
import { useWorkflowActions } from './workflow-actions'

const useRename = create<{ workflow: WorkflowSummary | null }>(() => ({ workflow: null }))

interface WorkflowMenuItemsProps {
  workflow: WorkflowSummary
  autosave?: boolean
  onAutosave?: (on: boolean) => void
}

export function WorkflowMenuItems({ workflow, autosave, onAutosave }: WorkflowMenuItemsProps) {
  const { change, duplicate, exported, askToRemove } = useWorkflowActions(workflow)
  return (
    <>
      <Menu.Item leftSection={<IconPencil size={15} />} onClick={() => useRename.setState({ workflow })} data-testid="rename">
        Name, description and labels…
      </Menu.Item>
      <Menu.Item
        leftSection={workflow.enabled ? <IconPlayerPause size={15} /> : <IconPlayerPlay size={15} />}
        onClick={() => change.mutate({ enabled: !workflow.enabled })}
        data-testid="toggle-enabled"
      >
        {workflow.enabled ? 'Disable' : 'Enable'}
      </Menu.Item>
      <Menu.Item leftSection={<IconCopy size={15} />} onClick={() => duplicate.mutate()} data-testid="duplicate">
        Duplicate
      </Menu.Item>
      <Menu.Item leftSection={<IconDownload size={15} />} onClick={() => exported.mutate()}>
        Export as JSON
      </Menu.Item>
      {onAutosave ? (
        <Menu.Item leftSection={autosave ? <IconCheck size={15} /> : <span style={{ width: 15 }} />} onClick={() => onAutosave(!autosave)} role="menuitemcheckbox" aria-checked={autosave} data-testid="autosave">
          Save drafts automatically
        </Menu.Item>
      ) : null}
      <Menu.Divider />
      <Menu.Item color="red" leftSection={<IconTrash size={15} />} onClick={() => void askToRemove()} data-testid="delete">
        Delete…
      </Menu.Item>
    </>
  )
}

/** Stands beside a list or page with menus, since a menu's own content goes away when it closes. */
export function RenameDialog() {
  const workflow = useRename((state) => state.workflow)
  const close = () => useRename.setState({ workflow: null })
  return workflow ? <RenameForm key={workflow.id} workflow={workflow} onClose={close} /> : null
}

function RenameForm({ workflow, onClose }: { workflow: WorkflowSummary; onClose: () => void }) {
  const { change } = useWorkflowActions(workflow)
  const [name, setName] = useState(workflow.name)
  const [description, setDescription] = useState(workflow.description)
  const [labels, setLabels] = useState(workflow.labels)
  const problems = problemsByPath(change.error)
  return (
    <Modal opened onClose={onClose} title="Name, description and labels">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          change.mutate({ name: name.trim(), description, labels }, { onSuccess: onClose })
        }}
      >
        <TextInput label="Name" value={name} onChange={(event) => setName(event.currentTarget.value)} maxLength={200} required withAsterisk={false} error={problems['/name']} data-autofocus />
        <Textarea label="Description" mt="md" autosize minRows={2} value={description} onChange={(event) => setDescription(event.currentTarget.value)} error={problems['/description']} />
        <TagsInput label="Labels" mt="md" placeholder={labels.length === 0 ? 'billing' : undefined} value={labels} onChange={setLabels} error={Object.entries(problems).find(([path]) => path.startsWith('/labels'))?.[1]} data-testid="workflow-labels" />
        <Group justify="flex-end" gap="sm" mt="lg">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={change.isPending} disabled={name.trim() === ''}>
            Save
          </Button>
        </Group>
      </form>
    </Modal>
  )
}
