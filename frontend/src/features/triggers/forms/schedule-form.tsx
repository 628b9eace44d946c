import { Group, JsonInput, NumberInput, SegmentedControl, Select, TextInput } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import { localZone } from '@/lib/time'
import { ConfigFields, type FormProps } from './config-fields'
import { scheduleKind, splitSeconds, toLocalField, withKind, type ScheduleKind } from './model'

const CronPreview = lazy(() => import('@/ui/cron-preview'))

const UNITS = [
  { value: '1', label: 'seconds' },
  { value: '60', label: 'minutes' },
  { value: '3600', label: 'hours' },
  { value: '86400', label: 'days' },
]

const zones = (): string[] => [...new Set(['UTC', localZone(), ...Intl.supportedValuesOf('timeZone')])]

const KINDS: { value: ScheduleKind; label: string }[] = [
  { value: 'cron', label: 'Cron' },
  { value: 'every', label: 'Every so often' },
  { value: 'at', label: 'Once' },
]

interface ScheduleFormProps extends FormProps {
  input: string
  onInput: (text: string) => void
}

export function ScheduleForm({ input, onInput, ...props }: ScheduleFormProps) {
  const { config, onChange, problems } = props
  const kind = scheduleKind(config)
  return (
    <>
      <SegmentedControl fullWidth value={kind} onChange={(next) => onChange(withKind(config, next, localZone()))} aria-label="Kind of schedule" data={KINDS} data-testid="schedule-kind" />
      {kind === 'cron' ? <Cron {...props} /> : null}
      {kind === 'every' ? <Every {...props} /> : null}
      {kind === 'at' ? (
        <TextInput
          type="datetime-local"
          label={`Once, at (${localZone()})`}
          value={toLocalField(String(config.at))}
          onChange={(event) => onChange({ ...config, at: event.currentTarget.value === '' ? '' : new Date(event.currentTarget.value).toISOString() })}
          error={problems['/config/at'] ?? problems['/config']}
        />
      ) : null}
      <JsonInput label="Input" description="What each run is given, as JSON; empty for an empty object." value={input} onChange={onInput} validationError="This is not JSON" autosize minRows={2} formatOnBlur error={problems['/config/input']} />
      <ConfigFields {...props} without={['cron', 'every_seconds', 'at', 'timezone', 'input']} />
    </>
  )
}

function Cron({ config, onChange, problems }: FormProps) {
  const cron = typeof config.cron === 'string' ? config.cron : ''
  const timezone = typeof config.timezone === 'string' ? config.timezone : 'UTC'
  return (
    <>
      <Group grow align="flex-start" gap="md">
        <TextInput
          label="Cron expression"
          placeholder="0 9 * * MON-FRI"
          value={cron}
          onChange={(event) => onChange({ ...config, cron: event.currentTarget.value })}
          error={problems['/config/cron'] ?? problems['/config']}
          styles={{ input: { fontFamily: 'var(--mr-mono)', fontSize: 'var(--mr-mono-size)' } }}
          data-testid="schedule-cron"
        />
        <Select label="Time zone" searchable data={zones()} value={timezone} onChange={(next) => onChange({ ...config, timezone: next ?? 'UTC' })} allowDeselect={false} error={problems['/config/timezone']} />
      </Group>
      <Suspense fallback={null}>
        <CronPreview cron={cron} timezone={timezone} />
      </Suspense>
    </>
  )
}

function Every({ config, onChange, problems }: FormProps) {
  // The unit is the user's choice until the form closes: 60 seconds stay seconds.
  const [{ every, unit }, setShown] = useState<{ every: number | ''; unit: number }>(() => splitSeconds(Number(config.every_seconds)))
  const set = (next: { every: number | ''; unit: number }) => {
    setShown(next)
    onChange({ ...config, every_seconds: Number(next.every) * next.unit })
  }
  return (
    <Group grow align="flex-start" gap="md">
      <NumberInput label="Every" min={1} allowDecimal={false} value={every} onChange={(value) => set({ every: value === '' ? '' : Number(value), unit })} error={problems['/config/every_seconds']} />
      <Select label="Unit" data={UNITS} value={String(unit)} onChange={(next) => set({ every, unit: Number(next ?? 60) })} allowDeselect={false} />
    </Group>
  )
}
