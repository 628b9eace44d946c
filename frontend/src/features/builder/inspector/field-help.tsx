/** Help for fields that point at other things: workflows, credentials; and what an expression would give. */
import { Autocomplete } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useCallback, useEffect, useRef, type ReactNode } from 'react'
import { workflowNamesQuery } from '@/api/queries/workflows'
import { functionsQuery } from '@/api/queries/installation'
import { CredentialSelect } from '@/features/credentials'
import { Preview, type ExpressionScope, type FunctionDoc } from '@/features/expression'
import type { ReferenceProps } from '@/features/forms'

interface FieldHelp {
  functions: () => readonly FunctionDoc[]
  preview: (text: string, language: 'cel' | 'template', scope: ExpressionScope) => ReactNode
  credentialField?: (props: ReferenceProps) => ReactNode
  workflowField: (props: ReferenceProps) => ReactNode
}

const NO_FUNCTIONS: readonly FunctionDoc[] = []

export function useFieldHelp(): FieldHelp {
  const { data } = useQuery(functionsQuery())
  const found = useRef<readonly FunctionDoc[]>(NO_FUNCTIONS)
  useEffect(() => {
    found.current = (data ?? []).map(({ name, method, signatures, summary }) => ({ name, method, signature: signatures[0], description: summary }))
  }, [data])
  const functions = useCallback(() => found.current, [])
  return {
    functions,
    preview: (text, language, scope) => <Preview text={text} language={language} scope={scope} />,
    workflowField: (props) => <WorkflowInput {...props} />,
    credentialField: (props) => <CredentialSelect {...props} />,
  }
}

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
