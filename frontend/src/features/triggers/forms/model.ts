/** What a trigger's form holds, and how it becomes a request. The fields themselves come from the type's schema. Pure. */
import type { Trigger, TriggerPreset, TriggerType, TriggerTypeEntry } from '@/api/types'
import { without } from '@/lib/json-path'

export interface TriggerFields {
  type: TriggerType
  workflowId: string | null
  config: Record<string, unknown>
  /** The mapping that replaces the input; undefined for none. */
  input: unknown
  preset: string | null
}

const ORDER: TriggerType[] = ['api', 'schedule', 'kafka', 'workflow']

/** Types as people look for them; those not known here come last. */
export const ordered = (types: readonly TriggerTypeEntry[]): TriggerTypeEntry[] => {
  const rank = ({ type }: TriggerTypeEntry) => (ORDER as string[]).indexOf(type) + 1 || ORDER.length + 1
  return [...types].sort((one, other) => rank(one) - rank(other))
}

/** What a new trigger begins with: nothing but what is not the same everywhere. */
export const startConfig = (type: string, zone: string): Record<string, unknown> => (type === 'schedule' && zone !== 'UTC' ? { timezone: zone } : {})

type Config = Record<string, unknown>

/** A stored config as its form shows it: without what only says that there is a secret, without the default group, and without what is not set. */
export function shownConfig({ id, config }: Pick<Trigger, 'id' | 'config'>): Config {
  const auth = config.auth as Config | undefined
  const given = Object.fromEntries(Object.entries(config).filter(([name, value]) => value !== null && !(name === 'group' && value === id)))
  return auth ? { ...given, auth: without(auth, 'has_secret') } : given
}

/** What a preset can hold of a trigger: no secret (none is shown), and neither its path nor its group, which are its own. */
export const presetConfig = (trigger: Pick<Trigger, 'id' | 'config'>): Config => without(shownConfig(trigger), 'path', 'group')

export const hasSecret = (trigger: Trigger | undefined): boolean => (trigger?.config.auth as { has_secret?: boolean } | undefined)?.has_secret === true

export function fieldsOf(trigger: Trigger | undefined, workflowId: string | undefined, type: TriggerType, zone: string): TriggerFields {
  if (!trigger) return { type, workflowId: workflowId ?? null, config: startConfig(type, zone), input: undefined, preset: null }
  return { type: trigger.type, workflowId: trigger.workflow_id, config: shownConfig(trigger), input: trigger.input ?? undefined, preset: null }
}

/** Begun with a preset: what it says, and what is not the same everywhere. */
export const begun = (fields: TriggerFields, preset: TriggerPreset | null, zone: string): TriggerFields => ({
  ...fields,
  preset: preset?.name ?? null,
  config: { ...startConfig(fields.type, zone), ...preset?.config },
  input: preset?.input ?? undefined,
})

/** Problems of a request at the config's own fields. */
export const problemsIn = (byPath: Record<string, string>, prefix: string): Record<string, string> =>
  Object.fromEntries(Object.entries(byPath).flatMap(([path, message]) => (path.startsWith(`${prefix}/`) ? [[path.slice(prefix.length), message]] : [])))
