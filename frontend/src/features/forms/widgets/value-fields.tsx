/** Fields for plain values. */
import { MultiSelect, NumberInput, PasswordInput, Select, Switch, TagsInput, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import { alternatives, single, type Schema } from '@/lib/schema'
import type { WidgetProps } from '.'
import { useForm } from '../form-context'
import classes from '../forms.module.css'
import { choicesOf } from '../kinds'

export const shared = ({ id, invalid, describedBy }: WidgetProps) => ({ id, error: invalid, 'aria-describedby': describedBy, errorProps: { style: { display: 'none' } } })
const defaultText = ({ schema, outer }: WidgetProps): string | undefined => {
  const given = outer.default ?? schema.default
  return typeof given === 'string' || typeof given === 'number' ? String(given) : undefined
}
const exampleText = ({ schema }: WidgetProps): string | undefined => (Array.isArray(schema.examples) && typeof schema.examples[0] === 'string' ? schema.examples[0] : undefined)

export const textOf = (value: unknown): string => (typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value))

export function TextField(props: WidgetProps) {
  const { change, readOnly } = useForm()
  return (
    <TextInput
      {...shared(props)}
      value={textOf(props.value)}
      placeholder={exampleText(props) ?? defaultText(props)}
      readOnly={readOnly}
      onChange={(event) => change(props.path, event.currentTarget.value === '' && !props.required ? undefined : event.currentTarget.value)}
    />
  )
}

/** What is written and never read back; the page says what is set already. */
export function SecretField(props: WidgetProps) {
  const { change, secretHint } = useForm()
  return (
    <PasswordInput
      {...shared(props)}
      value={textOf(props.value)}
      autoComplete="off"
      placeholder={secretHint?.(props.name)}
      onChange={(event) => change(props.path, event.currentTarget.value === '' ? undefined : event.currentTarget.value)}
    />
  )
}

export function LongTextField(props: WidgetProps) {
  const { change, readOnly } = useForm()
  return (
    <Textarea
      {...shared(props)}
      autosize
      minRows={2}
      maxRows={12}
      value={textOf(props.value)}
      placeholder={exampleText(props) ?? defaultText(props)}
      readOnly={readOnly}
      onChange={(event) => change(props.path, event.currentTarget.value === '' && !props.required ? undefined : event.currentTarget.value)}
    />
  )
}

export function NumberField(props: WidgetProps) {
  const { change, readOnly } = useForm()
  const { schema, value } = props
  const low = typeof schema.minimum === 'number' ? schema.minimum : undefined
  const high = typeof schema.maximum === 'number' ? schema.maximum : undefined
  return (
    <NumberInput
      {...shared(props)}
      value={typeof value === 'number' ? value : ''}
      min={low}
      max={high}
      clampBehavior="none"
      allowDecimal={schema.type !== 'integer'}
      placeholder={defaultText(props)}
      readOnly={readOnly}
      onChange={(next) => change(props.path, next === '' ? undefined : Number(next))}
    />
  )
}

const UNITS = [
  { value: '1', label: 'seconds' },
  { value: '60', label: 'minutes' },
  { value: '3600', label: 'hours' },
  { value: '86400', label: 'days' },
]

const unitFor = (seconds: number): number => [86_400, 3_600, 60].find((unit) => seconds >= unit && seconds % unit === 0) ?? 1

/** Seconds, written in the unit that suits. */
export function DurationField(props: WidgetProps) {
  const { change, readOnly } = useForm()
  const { value, path } = props
  const seconds = typeof value === 'number' ? value : null
  const [chosen, setChosen] = useState<number | null>(null)
  const unit = chosen ?? (seconds === null ? 1 : unitFor(seconds))
  return (
    <div className={classes.pair}>
      <NumberInput
        {...shared(props)}
        value={seconds === null ? '' : seconds / unit}
        min={0}
        placeholder={defaultText(props) ?? (props.required ? undefined : 'no limit')}
        readOnly={readOnly}
        onChange={(next) => {
          setChosen(unit) // while one types, a rounder number must not change it
          change(path, next === '' ? undefined : Math.round(Number(next) * unit * 1000) / 1000)
        }}
      />
      <Select
        data={UNITS}
        value={String(unit)}
        allowDeselect={false}
        aria-label={`${props.label}: unit`}
        disabled={readOnly}
        onChange={(next) => {
          const to = Number(next ?? 1)
          setChosen(to)
          if (seconds !== null) change(path, (seconds / unit) * to)
        }}
      />
    </div>
  )
}

export function SwitchField(props: WidgetProps) {
  const { change, readOnly } = useForm()
  const { value, outer, schema, path } = props
  const standard = outer.default ?? schema.default
  const on = typeof value === 'boolean' ? value : standard === true
  return <Switch {...shared(props)} aria-label={props.label} checked={on} disabled={readOnly} label={on ? 'Yes' : 'No'} onChange={(event) => change(path, event.currentTarget.checked === standard ? undefined : event.currentTarget.checked)} />
}

/** What the values of an enumeration are called, where the schema says so. */
export const labelsOf = ({ schema, outer }: Pick<WidgetProps, 'schema' | 'outer'>): Record<string, string> => (outer['x-labels'] ?? schema['x-labels'] ?? {}) as Record<string, string>

export function SelectField(props: WidgetProps) {
  const { change, root, readOnly } = useForm()
  const { outer, value, path, required } = props
  const choices = alternatives(outer, root).flatMap((each) => choicesOf(each) ?? [])
  const standard = outer.default ?? props.schema.default
  const shown = value === undefined || value === null ? standard : value
  const words = labelsOf(props)
  const known = choices.map((each) => ({ value: String(each), label: words[String(each)] ?? String(each).replaceAll('_', ' ') }))
  const now = typeof shown === 'string' || typeof shown === 'number' ? String(shown) : null
  return (
    <Select
      {...shared(props)}
      data={now !== null && !known.some(({ value: each }) => each === now) ? [...known, { value: now, label: now }] : known}
      value={now}
      searchable={choices.length > 8}
      allowDeselect={!required && standard === undefined}
      clearable={!required && standard === undefined}
      placeholder={required ? 'Choose' : 'Not set'}
      disabled={readOnly}
      onChange={(next) => change(path, next === null ? undefined : (choices.find((each) => String(each) === next) ?? next))}
    />
  )
}

export const listOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(textOf) : typeof value === 'string' && value !== '' ? [value] : [])

export function TextsField(props: WidgetProps) {
  const { change, readOnly } = useForm()
  return <TagsInput {...shared(props)} value={listOf(props.value)} placeholder={listOf(props.value).length === 0 ? 'Type and press Enter' : undefined} splitChars={[',']} readOnly={readOnly} onChange={(next) => change(props.path, next.length === 0 && !props.required ? undefined : next)} />
}

export function SelectsField(props: WidgetProps) {
  const { change, root, readOnly } = useForm()
  const choices = (choicesOf(single((props.schema.items ?? {}) as Schema, root)) ?? []).map(String)
  return <MultiSelect {...shared(props)} data={choices} value={listOf(props.value ?? props.outer.default ?? props.schema.default)} readOnly={readOnly} onChange={(next) => change(props.path, next.length === 0 && !props.required ? undefined : next)} />
}
