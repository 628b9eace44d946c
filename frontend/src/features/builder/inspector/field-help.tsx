/** Help for fields that point at other things: workflows, credentials; and what an expression would give. */
import { Autocomplete, Select } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useCallback, useEffect, useRef, type ReactNode } from 'react'
import { credentialListQuery } from '@/api/queries/credentials'
import { workflowNamesQuery } from '@/api/queries/workflows'
import { functionsQuery } from '@/api/queries/installation'
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
    credentialField: (props) => <CredentialInput {...props} />,
  }
}

const ELSEWHERE = 'new'

/** A credential that fits, by its slug. Making one opens its page in another tab, so that the draft stays where it is. */
function CredentialInput({ id, value, onChange, invalid, kinds }: ReferenceProps) {
  const { data } = useQuery({ ...credentialListQuery(), refetchOnWindowFocus: 'always' })
  const fitting = (data?.items ?? []).filter(({ kind }) => !kinds || kinds.length === 0 || kinds.includes(kind))
  const known = fitting.map(({ slug, name, type }) => ({ value: slug, label: `${name} (${type.replaceAll('_', ' ')})` }))
  const listed = value === '' || fitting.some(({ slug, id: own }) => slug === value || own === value)
  return (
    <Select
      id={id}
      value={value === '' ? null : (fitting.find(({ id: own }) => own === value)?.slug ?? value)}
      error={invalid}
      clearable
      searchable
      placeholder={known.length === 0 ? 'None fits yet' : 'Choose a credential'}
      data={[...known, ...(listed ? [] : [{ value, label: `${value} (not found)` }]), { value: ELSEWHERE, label: 'Make a new one…' }]}
      onChange={(next) => (next === ELSEWHERE ? window.open('#/credentials?new=true', '_blank', 'noopener') : onChange(next ?? undefined))}
      data-testid="credential-picker"
    />
  )
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
