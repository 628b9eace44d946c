export { SchemaForm, type SchemaFormProps } from './schema-form'
export type { FormHelp, ReferenceProps, ReferencesProps } from './form-context'
export { modeOf, toggled, type FormState, type Memory } from './modes'
export { kindOf } from './kinds'
