import { SegmentedControl } from '@mantine/core'
import { useRef } from 'react'
import { labelOf, propertiesOf, single, type Schema } from '@/lib/schema'
import { choose } from './choice'
import { Field } from './field'
import { useForm } from './form-context'
import classes from './forms.module.css'

interface ChoiceFieldProps {
  names: string[]
  chosen: string
  schema: Schema
  onChoose: (name: string) => void
}

/** Several fields of which one is given: what is chosen is drawn; what the others held comes back when they are chosen again. */
export function ChoiceField({ names, chosen, schema, onChoose }: ChoiceFieldProps) {
  const form = useForm()
  const kept = useRef<Record<string, unknown>>({})
  const of = (name: string) => propertiesOf(schema).find(([known]) => known === name)?.[1] ?? {}
  const titled = (name: string) => labelOf(name, { ...single(of(name), schema), ...of(name) })
  return (
    <div className={classes.rows}>
      <SegmentedControl
        fullWidth
        size="xs"
        value={chosen}
        disabled={form.readOnly}
        aria-label={names.map(titled).join(', or ')}
        data={names.map((name) => ({ value: name, label: titled(name) }))}
        onChange={(next) => {
          kept.current = { ...kept.current, ...form.state.value }
          onChoose(next)
          form.set({ ...form.state, value: choose(form.state.value, schema, next, kept.current) }, [next])
        }}
        data-testid={`choice-${names.join('-')}`}
      />
      <Field key={chosen} name={chosen} schema={of(chosen)} path={[chosen]} required />
    </div>
  )
}
