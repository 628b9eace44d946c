/** Fields for instants, time zones and schedules. */
import { Select, TextInput } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import { alternatives } from '@/lib/schema'
import { localZone, zoneNow } from '@/lib/time'
import type { WidgetProps } from '.'
import { useForm } from '../form-context'
import classes from '../forms.module.css'
import { choicesOf } from '../kinds'
import { CronHelp } from './cron-help'
import { labelsOf, shared, TextField, textOf } from './value-fields'

const CronPreview = lazy(() => import('@/ui/cron-preview'))

const two = (value: number): string => String(value).padStart(2, '0')

/** An instant as the browser's own field shows it: in the person's zone, without saying so. */
function localText(value: unknown): string {
  const at = typeof value === 'string' ? new Date(value) : null
  if (!at || Number.isNaN(at.getTime())) return ''
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`
}

export function DateTimeField(props: WidgetProps) {
  const { change, readOnly } = useForm()
  const set = (text: string) => {
    const at = new Date(text)
    change(props.path, text === '' || Number.isNaN(at.getTime()) ? undefined : at.toISOString().replace('.000Z', 'Z'))
  }
  return (
    <>
      <TextInput {...shared(props)} type="datetime-local" readOnly={readOnly} value={localText(props.value)} onChange={(event) => set(event.currentTarget.value)} />
      <div className={classes.help}>Your time, {localZone()}.</div>
    </>
  )
}

const AT = 'at a time'

/** One of some words, or an instant. */
export function MomentField(props: WidgetProps) {
  const { change, root, readOnly } = useForm()
  const { value, outer, path } = props
  const choices = alternatives(outer, root).flatMap((each) => choicesOf(each) ?? []).map(String)
  const words = labelsOf(props)
  const [dated, setDated] = useState(false)
  const shown = value ?? outer.default
  const isDate = typeof shown === 'string' && !choices.includes(shown)
  return (
    <div className={classes.rows}>
      <Select
        {...shared(props)}
        data={[...choices.map((each) => ({ value: each, label: words[each] ?? each })), { value: AT, label: 'At a time…' }]}
        value={isDate || dated ? AT : textOf(shown)}
        allowDeselect={false}
        disabled={readOnly}
        onChange={(next) => {
          setDated(next === AT)
          if (next !== AT) change(path, next === outer.default ? undefined : next)
        }}
      />
      {isDate || dated ? <DateTimeField {...props} id={`${props.id}-at`} value={isDate ? value : undefined} /> : null}
    </div>
  )
}

let zones: string[] | null = null
const allZones = (): string[] => (zones ??= [...new Set(['UTC', localZone(), ...Intl.supportedValuesOf('timeZone').map(zoneNow)])])

export function ZoneField(props: WidgetProps) {
  const { change, readOnly } = useForm()
  const standard = textOf(props.outer.default ?? props.schema.default)
  const now = textOf(props.value) || standard
  return <Select {...shared(props)} data={allZones().includes(now) ? allZones() : [now, ...allZones()]} value={now} searchable limit={200} allowDeselect={false} disabled={readOnly} onChange={(next) => change(props.path, next === standard ? undefined : (next ?? undefined))} />
}

export function CronField(props: WidgetProps) {
  const { state, change, readOnly } = useForm()
  const text = textOf(props.value)
  const zone = typeof state.value.timezone === 'string' ? state.value.timezone : 'UTC'
  return (
    <div className={classes.mono}>
      <TextField {...props} />
      {readOnly ? null : <CronHelp onChoose={(cron) => change(props.path, cron)} />}
      <Suspense fallback={null}>{text === '' ? null : <CronPreview cron={text} timezone={zone} />}</Suspense>
    </div>
  )
}
