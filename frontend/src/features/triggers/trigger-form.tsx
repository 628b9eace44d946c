import { Button, Group, Modal, SegmentedControl, Stack } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import type { Trigger, TriggerType } from '@/api/types'
import { WorkflowSelect } from '@/features/workflows'
import { Loading } from '@/ui/loading'
import { notifyDone } from '@/ui/notify'
import { ConfigFields } from './forms/config-fields'
import classes from './trigger-page.module.css'
import { useTriggerFields } from './use-trigger-fields'

interface TriggerFormProps {
  trigger?: Trigger
  workflowId?: string
  /** The type to begin with. */
  type?: TriggerType
  /** Told of a new one, instead of going to its page. */
  onMade?: (trigger: Trigger) => void
  onClose: () => void
}

/** Makes a trigger, or changes one. */
export function TriggerForm({ trigger, workflowId, type, onMade, onClose }: TriggerFormProps) {
  const navigate = useNavigate()
  const onSaved = async (saved: Trigger) => {
    onClose()
    notifyDone(trigger ? 'The trigger is changed.' : 'The trigger is made.')
    if (trigger) return
    if (onMade) onMade(saved)
    else await navigate({ to: '/triggers/$id', params: { id: saved.id } })
  }
  const { types, entry, fields, setFields, setType, problems, save, dirty } = useTriggerFields({ trigger, workflowId, type, onSaved })
  return (
    <Modal opened onClose={onClose} closeOnEscape={!dirty} closeOnClickOutside={!dirty} title={trigger ? 'Edit the trigger' : 'New trigger'} size="lg" data-testid="trigger-form">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          save.mutate()
        }}
      >
        <Stack gap="md">
          {trigger || types.length === 0 ? null : (
            <SegmentedControl
              fullWidth
              data={types.map(({ type: value, title }) => ({ value, label: title }))}
              value={fields.type}
              onChange={(next) => setType(next as TriggerType)}
              aria-label="Type of trigger"
              data-testid="trigger-type"
            />
          )}
          {trigger || !entry ? null : <p className={classes.note}>{entry.description}</p>}
          {trigger || workflowId ? null : (
            <WorkflowSelect label="Starts the workflow" placeholder="Choose one" value={fields.workflowId} onChange={(id) => setFields({ ...fields, workflowId: id })} error={problems['/workflow_id']} />
          )}
          {entry ? <ConfigFields entry={entry} fields={fields} trigger={trigger} problems={problems} onChange={setFields} /> : <Loading />}
        </Stack>
        <Group justify="flex-end" gap="sm" className={classes.formEnd}>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={save.isPending} disabled={fields.workflowId === null} data-testid="save-trigger">
            {trigger ? 'Save' : 'Create'}
          </Button>
        </Group>
      </form>
    </Modal>
  )
}
