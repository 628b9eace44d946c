/** Help for fields that point at other things: workflows, credentials; and what an expression would give. */
import { useQuery } from '@tanstack/react-query'
import { useCallback, useEffect, useRef, type ReactNode } from 'react'
import { functionsQuery } from '@/api/queries/installation'
import { CredentialSelect, CredentialsSelect } from '@/features/credentials'
import { Preview, type ExpressionScope, type FunctionDoc } from '@/features/expression'
import type { ReferenceProps, ReferencesProps } from '@/features/forms'
import { WorkflowSlugInput } from '@/ui/workflow-slug-input'

interface FieldHelp {
  functions: () => readonly FunctionDoc[]
  preview: (text: string, language: 'cel' | 'template', scope: ExpressionScope) => ReactNode
  credentialField: (props: ReferenceProps) => ReactNode
  credentialsField: (props: ReferencesProps) => ReactNode
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
    workflowField: (props) => <WorkflowSlugInput {...props} />,
    credentialField: (props) => <CredentialSelect {...props} />,
    credentialsField: (props) => <CredentialsSelect {...props} />,
  }
}
