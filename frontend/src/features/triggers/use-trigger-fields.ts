/** The fields of a trigger's form and its saving, for the dialog and for the panel beside the canvas. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { ApiProblem, problemsByPath } from '@/api/problem'
import { triggerTypesQuery } from '@/api/queries/installation'
import { createTrigger, patchTrigger, triggerKeys } from '@/api/queries/triggers'
import type { Trigger, TriggerType } from '@/api/types'
import { localZone } from '@/lib/time'
import { notifyProblem } from '@/ui/notify'
import { fieldsOf, ordered, startConfig, type TriggerFields } from './forms/model'

interface Wish {
  trigger?: Trigger
  workflowId?: string
  type?: TriggerType
  onSaved: (saved: Trigger) => void | Promise<void>
}

export function useTriggerFields({ trigger, workflowId, type = 'api', onSaved }: Wish) {
  const client = useQueryClient()
  const types = ordered(useQuery(triggerTypesQuery()).data ?? [])
  const [before] = useState(() => fieldsOf(trigger, workflowId, type, localZone()))
  const [fields, setFields] = useState<TriggerFields>(before)
  const save = useMutation({
    mutationFn: () => {
      const body = { config: fields.config, ...(fields.input !== undefined || trigger ? { input: fields.input ?? null } : {}) }
      return trigger ? patchTrigger(trigger.id, body) : createTrigger({ workflow_id: fields.workflowId ?? '', type: fields.type, ...body })
    },
    onSuccess: async (saved) => {
      await client.invalidateQueries({ queryKey: triggerKeys.all })
      await onSaved(saved)
    },
    onError: (error) => {
      // Problems of fields show at their fields.
      if (!(error instanceof ApiProblem && error.errors.some(({ path }) => /^\/(config|input|workflow_id)/.test(path)))) notifyProblem(error, 'Not saved')
    },
  })
  const problems = problemsByPath(save.error)
  if (save.error instanceof ApiProblem && save.error.code === 'trigger_path_taken') problems['/config/path'] = save.error.detail
  return {
    types,
    entry: types.find((each) => each.type === fields.type),
    fields,
    setFields,
    setType: (next: TriggerType) => {
      save.reset()
      setFields({ ...fields, type: next, config: startConfig(next, localZone()), input: undefined, preset: null })
    },
    dirty: fields !== before && JSON.stringify(fields) !== JSON.stringify(before),
    reset: () => {
      save.reset()
      setFields(before)
    },
    problems,
    save,
  }
}
