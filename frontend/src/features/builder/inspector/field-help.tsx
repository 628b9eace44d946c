/** Help for fields that point at other things: workflows, credentials; and what an expression would give. */
import { Autocomplete } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { workflowNamesQuery } from '@/api/queries/workflows'
import type { ExpressionScope, FunctionDoc } from '@/features/expression'
import type { ReferenceProps } from '@/features/forms'

interface FieldHelp {
  functions: () => readonly FunctionDoc[]
  preview: (text: string, language: 'cel' | 'template', scope: ExpressionScope) => ReactNode
  credentialField?: (props: ReferenceProps) => ReactNode
  workflowField: (props: ReferenceProps) => ReactNode
}

const NO_FUNCTIONS: readonly FunctionDoc[] = []

export function useFieldHelp(): FieldHelp {
  return {
    functions: none,
    preview: () => null,
    workflowField: (props) => <WorkflowInput {...props} />,
  }
}

const none = () => NO_FUNCTIONS

/** A workflow by its slug, which also holds where this one is exported to. */
function WorkflowInput({ id, value, onChange, invalid }: ReferenceProps) {
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
