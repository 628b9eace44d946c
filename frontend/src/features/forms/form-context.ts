/** What the fields of one form share. */
import type { CompletionSource } from '@codemirror/autocomplete'
import { createContext, use, type ReactNode } from 'react'
import type { Path } from '@/lib/json-path'
import type { Schema } from '@/lib/schema'
import type { FormState } from './modes'

export interface FormHelp {
  /** Completion in bare expressions and in texts with expressions in them. */
  complete?: { cel: CompletionSource; template: CompletionSource }
  /** What an expression gives with the data at hand, shown under its field. */
  preview?: (text: string, language: 'cel' | 'template') => ReactNode
  /** Fields that hold steps of their own: a button that leads into them. */
  graphField?: (path: Path) => ReactNode
  credentialField?: (props: ReferenceProps) => ReactNode
  credentialsField?: (props: ReferencesProps) => ReactNode
  workflowField?: (props: ReferenceProps) => ReactNode
  /** What an empty secret means: that it stays as it is. */
  secretHint?: (name: string) => string | undefined
}

export interface ReferenceProps {
  id: string
  value: string
  onChange: (value: string | undefined) => void
  invalid: boolean
  /** The kinds of credential that fit, when the schema says so. */
  kinds?: string[]
}

export interface ReferencesProps extends Omit<ReferenceProps, 'value' | 'onChange'> {
  value: string[]
  onChange: (value: string[]) => void
}

export interface FormContextValue extends FormHelp {
  state: FormState
  /** The whole schema, for references within it. */
  root: Schema
  /** The problem at a place, if any. */
  problemAt: (path: Path) => string | undefined
  change: (path: Path, value: unknown) => void
  set: (next: FormState, path: Path) => void
  readOnly: boolean
  plain: boolean
}

const Context = createContext<FormContextValue | null>(null)
export const FormProvider = Context.Provider

export function useForm(): FormContextValue {
  const value = use(Context)
  if (!value) throw new Error('A field is part of a SchemaForm')
  return value
}
