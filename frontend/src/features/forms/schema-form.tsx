import { useMemo } from 'react'
import { formatPointer } from '@/lib/json-pointer'
import { valueAt, withValueAt, type Path } from '@/lib/json-path'
import { propertiesOf, requiredOf, resolved, type Schema } from '@/lib/schema'
import { FormProvider, type FormHelp } from './form-context'
import { Field } from './field'
import classes from './forms.module.css'
import type { FormState } from './modes'

export interface SchemaFormProps extends FormHelp {
  schema: Schema
  state: FormState
  /** `path` says which field, so that a burst of typing in one is one gesture. */
  onChange: (next: FormState, path: Path) => void
  /** Messages by JSON Pointer within the value. */
  problems?: Record<string, string>
  readOnly?: boolean
}

/** A form drawn from a JSON Schema. What the schema does not name stays in the value. */
export function SchemaForm({ schema, state, onChange, problems = {}, readOnly = false, ...help }: SchemaFormProps) {
  const root = useMemo(() => resolved(schema, schema), [schema])
  const value = {
    ...help,
    state,
    root,
    readOnly,
    problemAt: (path: Path) => problems[formatPointer(path)],
    change: (path: Path, next: unknown) => onChange({ ...state, value: withValueAt(state.value, path, next) as Record<string, unknown> }, path),
    set: onChange,
  }
  const fields = propertiesOf(root)
  const required = requiredOf(root)
  return (
    <FormProvider value={value}>
      <div className={classes.form}>
        {fields.length === 0 ? <p className="mr-dim">There is nothing to set here.</p> : null}
        {fields.map(([name, each]) => (
          <Field key={name} name={name} schema={each} path={[name]} required={required.includes(name)} />
        ))}
        <Unknown names={Object.keys(state.value).filter((name) => !fields.some(([known]) => known === name) && root.additionalProperties === false)} />
      </div>
    </FormProvider>
  )
}

/** Fields of the value that the type does not know: said, never dropped. */
function Unknown({ names }: { names: string[] }) {
  if (names.length === 0) return null
  return (
    <p className={classes.problem}>
      This type does not know {names.map((name) => `“${name}”`).join(', ')}; see the JSON.
    </p>
  )
}

export const fieldValue = (state: FormState, path: Path): unknown => valueAt(state.value, path)
