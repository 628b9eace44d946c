import { Autocomplete } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { workflowNamesQuery } from '@/api/queries/workflows'

interface WorkflowSlugInputProps {
  id: string
  value: string
  onChange: (value: string | undefined) => void
  invalid: boolean
}

/** A workflow by its slug, which also holds where this one is exported to. */
export function WorkflowSlugInput({ id, value, onChange, invalid }: WorkflowSlugInputProps) {
  const { data } = useQuery(workflowNamesQuery())
  const known = data?.items ?? []
  return (
    <Autocomplete
      id={id}
      value={value}
      error={invalid}
      placeholder="slug of a workflow"
      data={known.map(({ slug }) => slug)}
      renderOption={({ option }) => (
        <span>
          {known.find(({ slug }) => slug === option.value)?.name} <code className="mr-dim">{option.value}</code>
        </span>
      )}
      onChange={(next) => onChange(next === '' ? undefined : next)}
    />
  )
}
