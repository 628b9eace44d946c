/** Fields that name something else: credentials, workflows, steps of their own. Without a helper from the page they are plain texts. */
import { single, type Schema } from '@/lib/schema'
import type { WidgetProps } from '.'
import { useForm } from '../form-context'
import { listOf, TextField, TextsField } from './value-fields'

const kindsOf = (schema: WidgetProps['schema']): string[] | undefined => {
  const kinds = schema.credential_kinds ?? schema['x-credential-kinds'] ?? schema.kinds
  return Array.isArray(kinds) ? kinds.filter((each): each is string => typeof each === 'string') : undefined
}

export function CredentialField(props: WidgetProps) {
  const { credentialField, change } = useForm()
  if (!credentialField) return <TextField {...props} />
  return credentialField({ id: props.id, value: typeof props.value === 'string' ? props.value : '', invalid: props.invalid, kinds: kindsOf({ ...props.schema, ...props.outer }), onChange: (next) => change(props.path, next) })
}

export function CredentialsField(props: WidgetProps) {
  const { credentialsField, change, root } = useForm()
  if (!credentialsField) return <TextsField {...props} />
  const kinds = kindsOf(single((props.schema.items ?? {}) as Schema, root))
  return credentialsField({ id: props.id, value: listOf(props.value), invalid: props.invalid, kinds, onChange: (next) => change(props.path, next.length === 0 && !props.required ? undefined : next) })
}

export function WorkflowField(props: WidgetProps) {
  const { workflowField, change } = useForm()
  if (!workflowField) return <TextField {...props} />
  return workflowField({ id: props.id, value: typeof props.value === 'string' ? props.value : '', invalid: props.invalid, onChange: (next) => change(props.path, next) })
}

export function GraphField(props: WidgetProps) {
  const { graphField } = useForm()
  return graphField?.(props.path) ?? <p className="mr-dim">These steps can be edited on the canvas.</p>
}
