import { Button, Divider, Group, Popover, SegmentedControl, Stack, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconCalendarTime, IconChevronDown } from '@tabler/icons-react'
import { useState } from 'react'
import type { ExecutionSearch } from '@/lib/execution-search'
import { fromLocalField, spanWords, toLocalField } from '@/lib/time'

const RANGES = [
  { value: '1h', label: 'Last hour' },
  { value: '24h', label: 'Last 24 hours' },
  { value: '7d', label: 'Last 7 days' },
  { value: '30d', label: 'Last 30 days' },
]
const NONE = { range: undefined, when: undefined, from: undefined, to: undefined, finished_from: undefined, finished_to: undefined }

interface TimeFilterProps {
  search: ExecutionSearch
  now: number
  onChange: (next: Partial<ExecutionSearch>) => void
}

/** When they were created, or when they ended: a span up to now, or between two times. */
export function TimeFilter({ search, now, onChange }: TimeFilterProps) {
  const [opened, shown] = useDisclosure(false)
  const words = timeWords(search, now)
  return (
    <Popover opened={opened} onChange={(open) => (open ? shown.open() : shown.close())} position="bottom-start" shadow="md" trapFocus returnFocus width={300}>
      <Popover.Target>
        <Button variant="default" leftSection={<IconCalendarTime size={15} />} rightSection={<IconChevronDown size={14} />} onClick={shown.toggle} data-testid="filter-time" fw={400} h={36}>
          {words ?? 'Any time'}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        {opened ? (
          <Choices
            search={search}
            onChoose={(next) => {
              onChange({ ...NONE, ...next })
              shown.close()
            }}
          />
        ) : null}
      </Popover.Dropdown>
    </Popover>
  )
}

function Choices({ search, onChoose }: { search: ExecutionSearch; onChoose: (next: Partial<ExecutionSearch>) => void }) {
  const byEnd = search.when === 'ended' || search.finished_from !== undefined || search.finished_to !== undefined
  const [when, setWhen] = useState(byEnd ? 'ended' : 'created')
  const [from, setFrom] = useState(toLocalField(byEnd ? search.finished_from : search.from))
  const [to, setTo] = useState(toLocalField(byEnd ? search.finished_to : search.to))
  const span = { from: fromLocalField(from), to: fromLocalField(to) }
  const backwards = span.from !== undefined && span.to !== undefined && span.from >= span.to
  const apply = () => onChoose(when === 'ended' ? { finished_from: span.from, finished_to: span.to } : span)
  return (
    <Stack gap="sm">
      <SegmentedControl
        fullWidth
        value={when}
        onChange={setWhen}
        aria-label="Which time"
        data={[
          { value: 'created', label: 'Created' },
          { value: 'ended', label: 'Ended' },
        ]}
      />
      <div style={{ display: 'grid', gridTemplateColumns: '1fr 1fr', gap: 6 }}>
        {RANGES.map(({ value, label }) => (
          <Button key={value} size="compact-sm" variant={search.range === value ? 'light' : 'default'} onClick={() => onChoose({ range: value, when: when === 'ended' ? 'ended' : undefined })}>
            {label}
          </Button>
        ))}
      </div>
      <Divider />
      <TextInput type="datetime-local" label="From" value={from} onChange={(event) => setFrom(event.currentTarget.value)} data-testid="time-from" />
      <TextInput type="datetime-local" label="To" value={to} onChange={(event) => setTo(event.currentTarget.value)} error={backwards ? 'Must be after the first' : undefined} data-testid="time-to" />
      <Group justify="space-between" gap="sm">
        <Button variant="subtle" color="gray" size="compact-sm" onClick={() => onChoose({})}>
          Any time
        </Button>
        <Button size="compact-sm" onClick={apply} disabled={backwards || (span.from === undefined && span.to === undefined)} data-testid="time-apply">
          Apply
        </Button>
      </Group>
    </Stack>
  )
}

/** The chosen time in words, null for any. */
export function timeWords({ range, when, from, to, finished_from, finished_to }: ExecutionSearch, now: number): string | null {
  const chosen = RANGES.find(({ value }) => value === range)?.label
  if (chosen) return when === 'ended' ? `Ended in the ${chosen.toLowerCase()}` : chosen
  const ended = spanWords(finished_from, finished_to, now)
  const created = spanWords(from, to, now)
  return [created && `Created ${created}`, ended && `Ended ${ended}`].filter(Boolean).join(', ') || null
}
