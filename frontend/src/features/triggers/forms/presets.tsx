import { UnstyledButton } from '@mantine/core'
import type { TriggerTypeEntry } from '@/api/types'
import { localZone } from '@/lib/time'
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
      {chosen && (chosen.description || chosen.steps.length > 0) ? (
        <div className={classes.steps} data-testid="preset-steps">
          {chosen.description}
          {chosen.steps.length > 0 ? (
            <ol>
              {chosen.steps.map((step) => (
                <li key={step}>{step}</li>
              ))}
            </ol>
          ) : null}
        </div>
      ) : null}
    </div>
  )
}
