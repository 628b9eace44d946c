import { Button, Group, Modal, SegmentedControl, Stack, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { ApiProblem, problemsByPath } from '@/api/problem'
import { createTrigger, patchTrigger, triggerKeys } from '@/api/queries/triggers'
import type { Trigger, TriggerType } from '@/api/types'
import { WorkflowSelect } from '@/features/workflows'
import { localZone } from '@/lib/time'
import { notifyDone, notifyProblem } from '@/ui/notify'
import { ApiForm } from './forms/api-form'
import { KafkaForm } from './forms/kafka-form'
import { configOf, fieldsOf, type TriggerFields } from './forms/model'
import { ScheduleForm } from './forms/schedule-form'

interface TriggerFormProps {
  trigger?: Trigger
  workflowId?: string
  /** The type to begin with. */
  type?: TriggerType
  /** Stays where it is after making one, instead of going to its page. */
  stay?: boolean
  onClose: () => void
}

const TYPES = [
  { value: 'api', label: 'HTTP' },
  { value: 'schedule', label: 'Schedule' },
  { value: 'kafka', label: 'Kafka' },
]

/** Makes a trigger, or changes one. */
export function TriggerForm({ trigger, workflowId, type, stay = false, onClose }: TriggerFormProps) {
  const client = useQueryClient()
  const navigate = useNavigate()
  const [fields, setFields] = useState<TriggerFields>(() => ({ ...fieldsOf(trigger, workflowId, localZone()), ...(trigger || !type ? {} : { type }) }))
  const save = useMutation({
    mutationFn: () => {
      const config = configOf(fields, trigger?.config)
      return trigger ? patchTrigger(trigger.id, { config }) : createTrigger({ workflow_id: fields.workflowId ?? '', type: fields.type, config })
    },
    onSuccess: async (saved) => {
      await client.invalidateQueries({ queryKey: triggerKeys.all })
      onClose()
      notifyDone(trigger ? 'The trigger is changed.' : 'The trigger is made.')
      if (!trigger && !stay) await navigate({ to: '/triggers/$id', params: { id: saved.id } })
    },
    onError: (error) => {
      // Problems of fields show at their fields.
      if (!(error instanceof ApiProblem && error.errors.some(({ path }) => path.startsWith('/config')))) notifyProblem(error, 'Not saved')
    },
  })
  const problems = problemsByPath(save.error)
  if (save.error instanceof ApiProblem && save.error.code === 'trigger_path_taken') problems['/config/path'] = save.error.detail
  const shared = { problems, editing: trigger !== undefined }
  return (
    <Modal opened onClose={onClose} title={trigger ? 'Edit the trigger' : 'New trigger'} size="lg" data-testid="trigger-form">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          save.mutate()
        }}
      >
        <Stack gap="md">
          {trigger ? null : (
            <SegmentedControl fullWidth data={TYPES} value={fields.type} onChange={(type) => setFields({ ...fields, type: type as TriggerType })} aria-label="Type of trigger" data-testid="trigger-type" />
          )}
          {trigger || workflowId ? null : (
            <WorkflowSelect label="Starts the workflow" placeholder="Choose one" value={fields.workflowId} onChange={(id) => setFields({ ...fields, workflowId: id })} error={problems['/workflow_id']} />
          )}
          {fields.type === 'api' ? <ApiForm {...shared} fields={fields.api} onChange={(next) => setFields({ ...fields, api: { ...fields.api, ...next } })} /> : null}
          {fields.type === 'schedule' ? <ScheduleForm {...shared} fields={fields.schedule} onChange={(next) => setFields({ ...fields, schedule: { ...fields.schedule, ...next } })} /> : null}
          {fields.type === 'kafka' ? <KafkaForm {...shared} fields={fields.kafka} onChange={(next) => setFields({ ...fields, kafka: { ...fields.kafka, ...next } })} /> : null}
          <Text size="sm" c="red" role="alert">
            {problems['/config'] && fields.type !== 'schedule' ? problems['/config'] : null}
          </Text>
        </Stack>
        <Group justify="flex-end" gap="sm">
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
