/** A field that takes any value: named values, JSON, or a text. */
import { SegmentedControl } from '@mantine/core'
import { useState } from 'react'
import type { WidgetProps } from '.'
import { useForm } from '../form-context'
import classes from '../forms.module.css'
import type { Mode } from '../modes'
import { EntriesField } from './entries-field'
import { JsonField, TemplateField } from './expression-fields'

const isPlainObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)

export function AnyField({ mode, ...props }: WidgetProps & { mode: Mode }) {
  return mode === 'expression' || typeof props.value === 'string' ? <TemplateField {...props} /> : <AnyFixed {...props} />
}

export function AnyFixed(props: WidgetProps) {
  const { readOnly } = useForm()
  const fits = props.schema.type === 'array' ? false : props.value === undefined || props.value === null || isPlainObject(props.value)
  const [shape, setShape] = useState<'fields' | 'json'>(fits ? 'fields' : 'json')
  const shown = fits ? shape : 'json'
  return (
    <>
      {readOnly || props.schema.type === 'array' ? null : (
        <div className={classes.shapes}>
          <SegmentedControl
            size="xs"
            value={shown}
            onChange={(next) => setShape(next)}
            aria-label={`${props.label} as`}
            data={[
              { value: 'fields', label: 'Fields', disabled: !fits },
              { value: 'json', label: 'JSON' },
            ]}
          />
        </div>
      )}
      {shown === 'fields' ? <EntriesField {...props} /> : <JsonField {...props} />}
    </>
  )
}
