import { useId, useRef } from 'react'
import { valueAt, type Path } from '@/lib/json-path'
import { labelOf, single, type Schema } from '@/lib/schema'
import { useForm } from './form-context'
import classes from './forms.module.css'
import { kindOf, switchesMode } from './kinds'
import { modeOf, toggled, type Mode } from './modes'
import { AnyField } from './widgets/any-field'
import { TemplateField } from './widgets/expression-fields'
import { widgetOf } from './widgets'

export interface FieldProps {
  name: string
  schema: Schema
  path: Path
  required: boolean
  /** Within a row, where the label is in the row's own place. */
  bare?: boolean
}

/** One field: its name, its mode, the widget its schema asks for, help and problem. */
export function Field({ name, schema, path, required, bare = false }: FieldProps) {
  const form = useForm()
  const id = useId()
  const typing = useRef(false)
  const here = single(schema, form.root)
  const kind = kindOf(name, schema, form.root)
  const value = valueAt(form.state.value, path)
  const mode = modeOf(form.state, path)
  const problem = form.problemAt(path)
  const switches = switchesMode(kind, here, form.root)
  const help = typeof (schema.description ?? here.description) === 'string' && kind !== 'object' && kind !== 'variants' ? String(schema.description ?? here.description).replaceAll('`', '') : null
  const named = labelOf(name, { ...here, ...(schema.title ? { title: schema.title } : {}) })
  // The unit is chosen beside it, so it is not in the name.
  const label = kind === 'duration' ? named.replace(/\s*seconds$/i, '') || 'Duration' : named
  const props = { id, name, label, schema: here, outer: schema, path, value, required, invalid: problem !== undefined, describedBy: `${id}-help` }
  const Widget = widgetOf(kind)
  return (
    <div className={classes.field} data-testid={`field-${path.join('.')}`} data-mode={switches ? mode : undefined} data-kind={kind} onInput={() => (typing.current = true)} onBlur={(event) => (typing.current = typing.current && event.relatedTarget === null)}>
      {bare ? null : (
        <div className={classes.head}>
          <label htmlFor={id} className={classes.label}>
            {label}
            {required ? (
              <span className={classes.required} title="Required">
                {' '}
                *
              </span>
            ) : null}
          </label>
          {switches && !form.readOnly && !form.plain ? <ModeSwitch label={label} mode={mode} onChange={(to) => form.set(toggled(form.state, path, to), path)} /> : null}
        </div>
      )}
      {kind === 'any' ? <AnyField {...props} mode={mode} takesOver={typing} /> : switches && mode === 'expression' && !form.plain ? <TemplateField {...props} takesOver={typing} /> : <Widget {...props} />}
      <div id={`${id}-help`}>
        {help && !bare ? <div className={classes.help}>{help}</div> : null}
        {problem ? (
          <div className={classes.problem} role="note">
            {problem}
          </div>
        ) : null}
      </div>
    </div>
  )
}

function ModeSwitch({ label, mode, onChange }: { label: string; mode: Mode; onChange: (mode: Mode) => void }) {
  return (
    <div className={classes.modes} role="radiogroup" aria-label={`${label} is`}>
      {(['fixed', 'expression'] as const).map((each) => (
        <button key={each} type="button" role="radio" aria-checked={mode === each} className={classes.mode} onClick={() => onChange(each)} data-testid={`mode-${each}`}>
          {each === 'fixed' ? 'Fixed' : 'Expression'}
        </button>
      ))}
    </div>
  )
}
