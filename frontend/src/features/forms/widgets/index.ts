import type { ComponentType } from 'react'
import type { Path } from '@/lib/json-path'
import type { Schema } from '@/lib/schema'
import type { FieldKind } from '../kinds'
import { AnyFixed } from './any-field'
import { CodeField, CelField, LiteralField } from './expression-fields'
import { EntriesField } from './entries-field'
import { CronField, DateTimeField, MomentField, ZoneField } from './time-fields'
import { ListField, ObjectField, VariantsField } from './structure-fields'
import { CredentialField, CredentialsField, GraphField, WorkflowField } from './reference-fields'
import { DurationField, LongTextField, NumberField, SecretField, SelectField, SelectsField, SwitchField, TextField, TextsField } from './value-fields'

export interface WidgetProps {
  id: string
  name: string
  label: string
  /** What the value may be, null left out. */
  schema: Schema
  /** The schema as it was written. */
  outer: Schema
  path: Path
  value: unknown
  required: boolean
  invalid: boolean
  describedBy: string
}

const WIDGETS: Record<FieldKind, ComponentType<WidgetProps>> = {
  cel: CelField,
  graph: GraphField,
  credential: CredentialField,
  credentials: CredentialsField,
  workflow: WorkflowField,
  code: CodeField,
  literal: LiteralField,
  select: SelectField,
  switch: SwitchField,
  duration: DurationField,
  number: NumberField,
  datetime: DateTimeField,
  moment: MomentField,
  zone: ZoneField,
  cron: CronField,
  text: TextField,
  longtext: LongTextField,
  secret: SecretField,
  texts: TextsField,
  selects: SelectsField,
  list: ListField,
  entries: EntriesField,
  object: ObjectField,
  variants: VariantsField,
  any: AnyFixed,
}

export const widgetOf = (kind: FieldKind): ComponentType<WidgetProps> => WIDGETS[kind]
