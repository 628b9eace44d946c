/** A field that takes any value: named values, JSON, or a text. */
import { SegmentedControl } from '@mantine/core'
import { useState, type RefObject } from 'react'
import type { WidgetProps } from '.'
import { useForm } from '../form-context'
import classes from '../forms.module.css'
import type { Mode } from '../modes'
import { EntriesField } from './entries-field'
import { JsonField, TemplateField } from './expression-fields'

const isPlainObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)

export function AnyField({ mode, takesOver, ...props }: WidgetProps & { mode: Mode; takesOver: RefObject<boolean> }) {
  return mode === 'expression' || typeof props.value === 'string' ? <TemplateField {...props} takesOver={takesOver} /> : <AnyFixed {...props} />
}

export function AnyFixed(props: WidgetProps) {
  const { readOnly, plain } = useForm()
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
      {shown === 'fields' ? <EntriesField {...props} /> : <JsonField {...props} expressions={!plain} placeholder={props.schema.type === 'array' ? '[…] or {{ input.items }}' : undefined} />}
    </>
  )
}
