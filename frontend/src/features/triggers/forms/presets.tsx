import { Button, UnstyledButton } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { triggerTypesQuery } from '@/api/queries/installation'
import { deletePreset } from '@/api/queries/triggers'
import type { TriggerPreset, TriggerTypeEntry } from '@/api/types'
import { localZone } from '@/lib/time'
import { confirm } from '@/ui/confirm'
import { notifyProblem } from '@/ui/notify'
import classes from '../trigger-page.module.css'
import { begun, type TriggerFields } from './model'

interface PresetsProps {
  entry: TriggerTypeEntry
  fields: TriggerFields
  onChange: (next: TriggerFields) => void
}

/** Senders that are known, as a place to begin; with what is to be done at their side. */
export function Presets({ entry, fields, onChange }: PresetsProps) {
  if (entry.presets.length === 0) return null
  const chosen = entry.presets.find(({ name }) => name === fields.preset)
  return (
    <div>
      <div className={classes.subtitle} id="presets-label">
        Begin with
      </div>
      <div className={classes.chips} role="group" aria-labelledby="presets-label">
        <UnstyledButton className={classes.chip} aria-pressed={!chosen} onClick={() => onChange(begun(fields, null, localZone()))}>
          Nothing set
        </UnstyledButton>
        {entry.presets.map((preset) => (
          <UnstyledButton key={preset.id} className={classes.chip} aria-pressed={preset === chosen} title={preset.description} onClick={() => onChange(begun(fields, preset, localZone()))} data-testid={`preset-${preset.name}`}>
            {preset.title}
          </UnstyledButton>
        ))}
      </div>
      {chosen && (chosen.description || chosen.steps.length > 0 || !chosen.built_in) ? (
        <div className={classes.steps} data-testid="preset-steps">
          {chosen.description}
          {chosen.steps.length > 0 ? (
            <ol>
              {chosen.steps.map((step) => (
                <li key={step}>{step}</li>
              ))}
            </ol>
          ) : null}
          {chosen.built_in ? null : <DeletePreset preset={chosen} onDeleted={() => onChange(begun(fields, null, localZone()))} />}
        </div>
      ) : null}
    </div>
  )
}

/** Of the workspace's own; triggers that began with it stay as they are. */
function DeletePreset({ preset, onDeleted }: { preset: TriggerPreset; onDeleted: () => void }) {
  const client = useQueryClient()
  const remove = useMutation({
    mutationFn: () => deletePreset(preset.id),
    onSuccess: onDeleted,
    onError: (error) => notifyProblem(error, 'Not deleted'),
    onSettled: () => client.invalidateQueries({ queryKey: triggerTypesQuery().queryKey }),
  })
  const ask = async () => {
    if (await confirm({ title: `Delete the preset ${preset.title}?`, body: 'Triggers that began with it stay as they are.', yes: 'Delete', danger: true })) remove.mutate()
  }
  return (
    <div>
      <Button variant="subtle" color="red" size="compact-xs" loading={remove.isPending} onClick={() => void ask()} data-testid="delete-preset">
        Delete this preset
      </Button>
    </div>
  )
}
