import { Button } from '@mantine/core'
import { IconChevronDown, IconChevronUp } from '@tabler/icons-react'
import { useMemo, useState } from 'react'
import { formatPointer } from '@/lib/json-pointer'
import { valueAt, without, withValueAt, type Path } from '@/lib/json-path'
import { propertiesOf, requiredOf, resolved, type Schema } from '@/lib/schema'
import { plural } from '@/lib/text'
import { chosenOf, choiceIn, isVisible } from './choice'
import { ChoiceField } from './choice-field'
import { FormProvider, type FormHelp } from './form-context'
import { Field } from './field'
import classes from './forms.module.css'
import { kindOf } from './kinds'
import type { FormState } from './modes'

export interface SchemaFormProps extends FormHelp {
  schema: Schema
  state: FormState
  /** `path` says which field, so that a burst of typing in one is one gesture. */
  onChange: (next: FormState, path: Path) => void
  /** Messages by JSON Pointer within the value. */
  problems?: Record<string, string>
  readOnly?: boolean
  /** Values only, no expressions. */
  plain?: boolean
}

/** A form drawn from a JSON Schema. What the schema does not name stays in the value. */
export function SchemaForm({ schema, state, onChange, problems = {}, readOnly = false, plain = false, ...help }: SchemaFormProps) {
  const root = useMemo(() => resolved(schema, schema), [schema])
  const choice = choiceIn(root)
  const [wanted, setWanted] = useState<string | null>(null)
  const chosen = chosenOf(choice, state.value, wanted)
  const visible = propertiesOf(root).filter(([name, each]) => (choice.includes(name) ? name === choice[0] : isVisible(each, chosen)))
  // What is only there when somebody sets it stands last: few need it.
  const late = ([name, each]: [string, Schema]) => !requiredOf(root).includes(name) && kindOf(name, each, root) === 'object'
  const fields = [...visible.filter((each) => !late(each)), ...visible.filter(late)]
  const required = requiredOf(root)
  const [all, setAll] = useState(false)
  const first = fields.filter(([name], index) => index < SHOWN || required.includes(name) || state.value[name] !== undefined || Object.keys(problems).some((pointer) => pointer.startsWith(`/${name}`)))
  const shown = all || fields.length <= SHOWN + 1 ? fields : first
  const value = {
    ...help,
    state,
    root,
    readOnly,
    plain,
    problemAt: (path: Path) => problems[formatPointer(path)],
    change: (path: Path, next: unknown) => onChange({ ...state, value: pruned(withValueAt(state.value, path, next) as Record<string, unknown>, path, next, required) }, path),
    set: onChange,
  }
  return (
    <FormProvider value={value}>
      <div className={classes.form}>
        {fields.length === 0 ? <p className="mr-dim">There is nothing to set here.</p> : null}
        {shown.map(([name, each]) =>
          choice.includes(name) ? (
            <ChoiceField key={name} names={choice} chosen={chosen ?? name} schema={root} onChoose={setWanted} />
          ) : (
            <Field key={name} name={name} schema={each} path={[name]} required={required.includes(name)} />
          ),
        )}
        {first.length < fields.length && fields.length > SHOWN + 1 ? (
          <Button variant="subtle" color="gray" size="compact-sm" style={{ alignSelf: 'flex-start' }} leftSection={all ? <IconChevronUp size={14} /> : <IconChevronDown size={14} />} aria-expanded={all} onClick={() => setAll(!all)} data-testid="more-options">
            {all ? 'Fewer options' : `${plural(fields.length - first.length, 'more option')}`}
          </Button>
        ) : null}
        <Unknown names={Object.keys(state.value).filter((name) => !propertiesOf(root).some(([known]) => known === name) && root.additionalProperties === false)} />
      </div>
    </FormProvider>
  )
}

const SHOWN = 6

/** An optional object whose only field was taken out is taken out with it. */
function pruned(value: Record<string, unknown>, path: Path, next: unknown, required: readonly string[]): Record<string, unknown> {
  const [name] = path
  const left = value[String(name)]
  const empty = typeof left === 'object' && left !== null && !Array.isArray(left) && Object.keys(left).length === 0
  return next === undefined && path.length === 2 && empty && !required.includes(String(name)) ? without(value, String(name)) : value
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
