import { Button, Select } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { versionsQuery, workflowNamesQuery } from '@/api/queries/workflows'
import { WorkflowSelect } from '@/features/workflows'
import type { ExecutionSearch } from '@/lib/execution-search'
import { EXECUTION_STATUSES, statusLabel } from '@/lib/status'
import { FilterPills } from '@/ui/filter-pill'
import { SearchInput } from '@/ui/search-input'
import classes from './executions-page.module.css'
import { TimeFilter } from './time-filter'

interface ExecutionFiltersProps {
  search: ExecutionSearch
  now: number
  narrowed: boolean
  onChange: (next: Partial<ExecutionSearch>) => void
  onClear: () => void
}

/** What the list is narrowed by: what people choose as fields, and what only links lead to as pills. */
export function ExecutionFilters({ search, now, narrowed, onChange, onClear }: ExecutionFiltersProps) {
  return (
    <>
      <div className={classes.filters} role="search">
        <SearchInput
          className={classes.find}
          leftSection={<IconSearch size={15} aria-hidden />}
          placeholder="An id, or text of the input or error"
          aria-label="Search executions"
          value={search.q ?? ''}
          onChange={(q) => onChange({ q: q || undefined })}
          data-testid="filter-q"
        />
        <Select
          aria-label="Status"
          placeholder="Any status"
          clearable
          data={EXECUTION_STATUSES.map((value) => ({ value, label: statusLabel(value) }))}
          value={search.status ?? null}
          onChange={(status) => onChange({ status: status ?? undefined })}
          w={140}
          data-testid="filter-status"
        />
        <WorkflowSelect value={search.workflow_id ?? null} onChange={(id) => onChange({ workflow_id: id ?? undefined, version: undefined, node_id: undefined, node_status: undefined, node_error: undefined, node_retried: undefined })} clearable width={190} />
        {search.workflow_id ? <VersionSelect workflowId={search.workflow_id} value={search.version ?? null} onChange={(version) => onChange({ version })} /> : null}
        <LabelSelect value={search.label ?? null} onChange={(label) => onChange({ label })} />
        <TimeFilter search={search} now={now} onChange={onChange} />
        {narrowed ? (
          <Button variant="subtle" color="gray" onClick={onClear} data-testid="clear-filters">
            Clear
          </Button>
        ) : null}
      </div>
      <FilterPills parts={pillsOf(search)} onDrop={(name) => onChange(name === 'node_id' ? { node_id: undefined, node_status: undefined, node_error: undefined, node_retried: undefined } : { [name]: undefined })} />
    </>
  )
}

const DUE: Record<string, string> = { true: 'for a worker', false: 'for a time or an answer' }

function pillsOf({ workflow_id, version, trigger_id, error, due, node_id, node_status, node_error, node_retried }: ExecutionSearch) {
  return [
    { name: 'version', words: 'Version', value: workflow_id === undefined ? version : undefined },
    { name: 'trigger_id', words: 'Trigger', value: trigger_id },
    { name: 'error', words: 'Error', value: error },
    { name: 'due', words: 'Waiting', value: due && DUE[due] },
    { name: 'node_id', words: 'Node', value: node_id },
    { name: 'node_status', words: 'The node', value: node_id && node_status },
    { name: 'node_error', words: 'Its error', value: node_id && node_error },
    { name: 'node_retried', words: 'Its attempts', value: node_id && node_retried && (node_retried === 'true' ? 'more than one' : 'one') },
  ]
}

function VersionSelect({ workflowId, value, onChange }: { workflowId: string; value: string | null; onChange: (version: string | undefined) => void }) {
  const { data } = useInfiniteQuery(versionsQuery(workflowId))
  const options = [...(data?.pages.flatMap(({ items }) => items) ?? []).map(({ version }) => String(version)), 'draft']
  if (value !== null && !options.includes(value)) options.unshift(value)
  return (
    <Select
      aria-label="Version"
      placeholder="Any version"
      clearable
      searchable
      data={options.map((version) => ({ value: version, label: version === 'draft' ? 'Draft' : `v${version}` }))}
      value={value}
      onChange={(version) => onChange(version ?? undefined)}
      w={125}
      data-testid="filter-version"
    />
  )
}

function LabelSelect({ value, onChange }: { value: string | null; onChange: (label: string | undefined) => void }) {
  const { data } = useQuery(workflowNamesQuery())
  const labels = [...new Set([...(data?.items.flatMap((workflow) => workflow.labels) ?? []), ...(value === null ? [] : [value])])].sort()
  if (labels.length === 0) return null
  return <Select aria-label="Label" placeholder="Any label" clearable searchable data={labels} value={value} onChange={(label) => onChange(label ?? undefined)} w={140} data-testid="filter-label" />
}
