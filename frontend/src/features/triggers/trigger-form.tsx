import { Button, Group, JsonInput, List, Modal, SegmentedControl, Select, Stack, Text } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { ApiProblem, problemsByPath } from '@/api/problem'
import { triggerTypesQuery } from '@/api/queries/installation'
import { createTrigger, patchTrigger, triggerKeys } from '@/api/queries/triggers'
import type { Trigger, TriggerPreset, TriggerType } from '@/api/types'
import { WorkflowSelect } from '@/features/workflows'
import { localZone } from '@/lib/time'
import { notifyDone, notifyProblem } from '@/ui/notify'
import { ApiForm } from './forms/api-form'
import { ConfigFields } from './forms/config-fields'
import { KafkaForm } from './forms/kafka-form'
import { fieldsOf, newConfig, wishOf, type TriggerFields } from './forms/model'
import { ScheduleForm } from './forms/schedule-form'
import { TRIGGER_NAMES } from '@/lib/trigger-words'

interface TriggerFormProps {
  trigger?: Trigger
  workflowId?: string
  /** The type to begin with. */
  type?: TriggerType
  /** Stays where it is after making one, instead of going to its page. */
  stay?: boolean
  onClose: () => void
}

const TYPES = Object.entries(TRIGGER_NAMES).map(([value, label]) => ({ value: value as TriggerType, label }))

/** Makes a trigger, or changes one. Its options are those the registry names of its type. */
export function TriggerForm({ trigger, workflowId, type, stay = false, onClose }: TriggerFormProps) {
  const [fields, setFields] = useState<TriggerFields>(() => fieldsOf(trigger, workflowId, localZone(), type))
  const entry = useQuery(triggerTypesQuery()).data?.find((each) => each.type === fields.type)
  const save = useSave(trigger, fields, stay, onClose)
  const problems = problemsByPath(save.error)
  if (save.error instanceof ApiProblem && save.error.code === 'trigger_path_taken') problems['/config/path'] = save.error.detail
  const hasSecret = ((trigger?.config.auth ?? {}) as { has_secret?: boolean }).has_secret === true
  const shared = {
    schema: entry?.config_schema ?? {},
    config: fields.config,
    onChange: (config: TriggerFields['config']) => setFields((before) => ({ ...before, config })),
    problems,
    secretHint: (name: string) => (hasSecret && name === 'secret' ? 'Set; left empty it stays' : undefined),
    workflowField: (props: { value: string; onChange: (next: string | undefined) => void }) => <WorkflowSelect placeholder="Choose one" value={props.value || null} onChange={(id) => props.onChange(id ?? undefined)} />,
  }
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
            <SegmentedControl
              fullWidth
              data={TYPES}
              value={fields.type}
              onChange={(next) => setFields({ ...fields, type: next, preset: null, config: newConfig(next, localZone()) })}
              aria-label="Type of trigger"
              data-testid="trigger-type"
            />
          )}
          {trigger || workflowId ? null : (
            <WorkflowSelect label="Starts the workflow" placeholder="Choose one" value={fields.workflowId} onChange={(id) => setFields({ ...fields, workflowId: id })} error={problems['/workflow_id']} />
          )}
          {trigger ? null : <Presets presets={entry?.presets ?? []} fields={fields} onChange={setFields} />}
          {fields.type === 'api' ? <ApiForm {...shared} editing={trigger !== undefined} /> : null}
          {fields.type === 'schedule' ? <ScheduleForm {...shared} input={fields.input} onInput={(input) => setFields({ ...fields, input })} /> : null}
          {fields.type === 'kafka' ? <KafkaForm {...shared} /> : null}
          {fields.type === 'workflow' ? <ConfigFields {...shared} without={[]} /> : null}
          {fields.type === 'schedule' ? null : (
            <JsonInput
              label="Input"
              description="JSON with expressions over input and trigger, which replaces what came. Empty: what came is the input."
              placeholder={'{"order": "{{ input.body.id }}"}'}
              value={fields.mapping}
              onChange={(mapping) => setFields({ ...fields, mapping })}
              validationError="This is not JSON"
              autosize
              minRows={2}
              formatOnBlur
              error={Object.entries(problems).find(([path]) => path.startsWith('/input'))?.[1]}
              data-testid="trigger-mapping"
            />
          )}
          <Text size="sm" c="red" role="alert">
            {problems['/config'] && fields.type !== 'schedule' ? problems['/config'] : null}
          </Text>
        </Stack>
        <Group justify="flex-end" gap="sm" mt="md">
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

function useSave(trigger: Trigger | undefined, fields: TriggerFields, stay: boolean, onClose: () => void) {
  const client = useQueryClient()
  const navigate = useNavigate()
  return useMutation({
    mutationFn: () => {
      const wish = wishOf(fields)
      return trigger ? patchTrigger(trigger.id, wish) : createTrigger({ workflow_id: fields.workflowId ?? '', type: fields.type, ...wish })
    },
    onSuccess: async (saved) => {
      await client.invalidateQueries({ queryKey: triggerKeys.all })
      onClose()
      notifyDone(trigger ? 'The trigger is changed.' : 'The trigger is made.')
      if (!trigger && !stay) await navigate({ to: '/triggers/$id', params: { id: saved.id } })
    },
    onError: (error) => {
      // Problems of fields show at their fields.
      if (!(error instanceof ApiProblem && error.errors.some(({ path }) => /^\/(config|input)/.test(path)))) notifyProblem(error, 'Not saved')
    },
  })
}

/** A well-known sender, or what the workspace saved: its settings to begin with, and what to do at the sender's side. */
function Presets({ presets, fields, onChange }: { presets: TriggerPreset[]; fields: TriggerFields; onChange: (next: TriggerFields) => void }) {
  const chosen = presets.find(({ name }) => name === fields.preset)
  if (presets.length === 0) return null
  const begin = (name: string | null) => {
    const preset = presets.find((each) => each.name === name)
    onChange({
      ...fields,
      preset: name,
      config: { ...newConfig(fields.type, localZone()), ...preset?.config },
      mapping: preset?.input === undefined || preset.input === null ? '' : JSON.stringify(preset.input, null, 2),
    })
  }
  return (
    <div>
      <Select label="Begin with" placeholder="Nothing set" data={presets.map(({ name, title }) => ({ value: name, label: title }))} value={fields.preset} onChange={begin} clearable searchable description={chosen?.description} data-testid="trigger-preset" />
      {chosen && chosen.steps.length > 0 ? (
        <List type="ordered" size="sm" c="dimmed" mt="xs" data-testid="preset-steps">
          {chosen.steps.map((step) => (
            <List.Item key={step}>{step}</List.Item>
          ))}
        </List>
      ) : null}
    </div>
  )
}
