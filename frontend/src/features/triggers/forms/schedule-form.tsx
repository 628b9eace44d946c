import { Group, JsonInput, NumberInput, SegmentedControl, Select, TextInput } from '@mantine/core'
import { lazy, Suspense } from 'react'
import { localZone } from '@/lib/time'
import type { FormProps } from './api-form'
import type { ScheduleFields } from './model'

const CronPreview = lazy(() => import('@/ui/cron-preview'))

const UNITS = [
  { value: '1', label: 'seconds' },
  { value: '60', label: 'minutes' },
  { value: '3600', label: 'hours' },
  { value: '86400', label: 'days' },
]

const zones = (): string[] => [...new Set(['UTC', localZone(), ...Intl.supportedValuesOf('timeZone')])]

export function ScheduleForm({ fields, onChange, problems }: FormProps<ScheduleFields>) {
  return (
    <>
      <SegmentedControl
        fullWidth
        value={fields.kind}
        onChange={(kind) => onChange({ kind: kind })}
        aria-label="Kind of schedule"
        data={[
          { value: 'cron', label: 'Cron' },
          { value: 'every', label: 'Every so often' },
          { value: 'at', label: 'Once' },
        ]}
        data-testid="schedule-kind"
      />
      {fields.kind === 'cron' ? (
        <>
          <Group grow align="flex-start" gap="md">
            <TextInput
              label="Cron expression"
              placeholder="0 9 * * MON-FRI"
              value={fields.cron}
              onChange={(event) => onChange({ cron: event.currentTarget.value })}
              error={problems['/config/cron'] ?? problems['/config']}
              styles={{ input: { fontFamily: 'var(--mr-mono)', fontSize: 'var(--mr-mono-size)' } }}
              data-testid="schedule-cron"
            />
            <Select label="Time zone" searchable data={zones()} value={fields.timezone} onChange={(timezone) => onChange({ timezone: timezone ?? 'UTC' })} allowDeselect={false} error={problems['/config/timezone']} />
          </Group>
          <Suspense fallback={null}>
            <CronPreview cron={fields.cron} timezone={fields.timezone} />
          </Suspense>
        </>
      ) : null}
      {fields.kind === 'every' ? (
        <Group grow align="flex-start" gap="md">
          <NumberInput label="Every" min={1} allowDecimal={false} value={fields.every} onChange={(value) => onChange({ every: value === '' ? '' : Number(value) })} error={problems['/config/every_seconds']} />
          <Select label="Unit" data={UNITS} value={String(fields.unit)} onChange={(unit) => onChange({ unit: Number(unit ?? 60) })} allowDeselect={false} />
        </Group>
      ) : null}
      {fields.kind === 'at' ? (
        <TextInput type="datetime-local" label={`Once, at (${localZone()})`} value={fields.at} onChange={(event) => onChange({ at: event.currentTarget.value })} error={problems['/config/at'] ?? problems['/config']} />
      ) : null}
      <Group grow align="flex-start" gap="md">
        <Select
          label="After downtime"
          description="What to run of what was missed."
          data={[
            { value: 'last', label: 'The last one' },
            { value: 'all', label: 'All of them' },
            { value: 'skip', label: 'None' },
          ]}
          value={fields.misfire}
          onChange={(misfire) => onChange({ misfire: misfire ?? 'last' })}
          allowDeselect={false}
        />
        <Select
          label="Overlap"
          description="While the run before goes on."
          data={[
            { value: 'allow', label: 'Run beside it' },
            { value: 'skip', label: 'Skip' },
          ]}
          value={fields.overlap}
          onChange={(overlap) => onChange({ overlap: overlap ?? 'allow' })}
          allowDeselect={false}
        />
      </Group>
      <JsonInput
        label="Input"
        description="What each run is given, as JSON; empty for an empty object."
        value={fields.input}
        onChange={(input) => onChange({ input })}
        validationError="This is not JSON"
        autosize
        minRows={2}
        formatOnBlur
        error={problems['/config/input']}
      />
    </>
  )
}
