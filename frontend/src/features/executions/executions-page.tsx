import { Button, Select, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { IconSearch, IconX } from '@tabler/icons-react'
import { getRouteApi } from '@tanstack/react-router'
import { useState } from 'react'
import { WorkflowSelect } from '@/features/workflows'
import { executionFilterOf, type ExecutionSearch } from '@/lib/execution-search'
import { EXECUTION_STATUSES, statusLabel } from '@/lib/status'
import { useNow } from '@/lib/use-now'
import { Page } from '@/ui/page'
import { BulkMenu } from './bulk-menu'
import { ExecutionsList } from './executions-list'
import classes from './executions-page.module.css'

const route = getRouteApi('/shell/executions')

const RANGE_LABELS = [
  { value: '1h', label: 'Last hour' },
  { value: '24h', label: 'Last 24 hours' },
  { value: '7d', label: 'Last 7 days' },
  { value: '30d', label: 'Last 30 days' },
]

export function ExecutionsPage() {
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const now = useNow(60_000, search.range !== undefined)
  const change = (next: Partial<ExecutionSearch>) => void navigate({ search: (before) => ({ ...before, ...next }), replace: true })
  const narrowed = Object.values(search).some((value) => value !== undefined)
  return (
    <Page title="Executions" description="Everything that ran, runs or waits." actions={<BulkMenu filter={executionFilterOf(search, now)} />}>
      <div className={classes.filters} role="search">
        <Find key={search.q === undefined ? 'none' : 'some'} value={search.q ?? ''} onChange={(q) => change({ q: q || undefined })} />
        <Select
          aria-label="Status"
          placeholder="Any status"
          clearable
          data={EXECUTION_STATUSES.map((value) => ({ value, label: statusLabel(value) }))}
          value={search.status ?? null}
          onChange={(status) => change({ status: status ?? undefined })}
          w={150}
          data-testid="filter-status"
        />
        <WorkflowSelect value={search.workflow_id ?? null} onChange={(id) => change({ workflow_id: id ?? undefined })} clearable width={200} />
        <Select
          aria-label="Time"
          placeholder={search.from || search.to ? spanWords(search) : 'Any time'}
          clearable
          data={RANGE_LABELS}
          value={search.range ?? null}
          onChange={(range) => change({ range: range ?? undefined, from: undefined, to: undefined })}
          w={150}
        />
        {search.trigger_id ? (
          <Button variant="default" rightSection={<IconX size={13} />} onClick={() => change({ trigger_id: undefined })}>
            One trigger
          </Button>
        ) : null}
        {narrowed ? (
          <Button variant="subtle" color="gray" onClick={() => void navigate({ search: {}, replace: true })} data-testid="clear-filters">
            Clear
          </Button>
        ) : null}
      </div>
      <ExecutionsList filter={executionFilterOf(search, now)} narrowed={narrowed} />
    </Page>
  )
}

const spanWords = ({ from, to }: ExecutionSearch): string =>
  [from && `from ${new Date(from).toLocaleDateString()}`, to && `to ${new Date(to).toLocaleDateString()}`].filter(Boolean).join(' ')

function Find({ value, onChange }: { value: string; onChange: (next: string) => void }) {
  const [text, setText] = useState(value)
  const tell = useDebouncedCallback(onChange, 300)
  return (
    <TextInput
      className={classes.find}
      leftSection={<IconSearch size={15} aria-hidden />}
      placeholder="An id, or text of the input or error"
      aria-label="Search executions"
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value)
        tell(event.currentTarget.value.trim())
      }}
      data-testid="filter-q"
    />
  )
}
