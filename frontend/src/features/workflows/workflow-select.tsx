import { Select } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { workflowNamesQuery } from '@/api/queries/workflows'

interface WorkflowSelectProps {
  value: string | null
  onChange: (id: string | null) => void
  label?: string
  placeholder?: string
  clearable?: boolean
  error?: string
  width?: number
}

/** A workflow by its name. */
export function WorkflowSelect({ value, onChange, label, placeholder = 'Any workflow', clearable = false, error, width }: WorkflowSelectProps) {
  const { data } = useQuery(workflowNamesQuery())
  const options = (data?.items ?? []).map(({ id, name }) => ({ value: id, label: name }))
  if (value !== null && !options.some((option) => option.value === value)) options.push({ value, label: value })
  return (
    <Select
      label={label}
      aria-label={label ? undefined : 'Workflow'}
      placeholder={placeholder}
      data={options}
      value={value}
      onChange={onChange}
      searchable
      clearable={clearable}
      error={error}
      w={width}
      nothingFoundMessage="No workflow has this name"
      data-testid="workflow-select"
    />
  )
}
