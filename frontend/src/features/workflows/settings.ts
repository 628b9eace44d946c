/** `settings` of a definition, as docs/language.md describes them. */
import type { Definition } from '@/lib/definition'
import { without } from '@/lib/json-path'

export interface Concurrency {
  key: string
  limit?: number
  on_limit?: 'queue' | 'replace' | 'skip' | 'fail'
}

export interface WorkflowSettings {
  timeout_seconds?: number
  concurrency?: Concurrency
  priority?: 'low' | 'normal' | 'high'
  on_failure_workflow?: string
  retention_days?: number
  retention_bytes?: number
}

export const settingsOf = ({ settings }: Definition): WorkflowSettings => settings ?? {}

/** A setting that is undefined is taken out, and with the last one the settings themselves; what is not known stays. */
export function withSetting<Name extends keyof WorkflowSettings>(definition: Definition, name: Name, value: WorkflowSettings[Name]): Definition {
  const others = without(definition.settings ?? {}, name)
  const settings = value === undefined ? others : { ...definition.settings, [name]: value }
  return Object.keys(settings).length === 0 ? without(definition, 'settings') : { ...definition, settings }
}
