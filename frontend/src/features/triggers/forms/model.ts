/** What the trigger forms hold, and how it becomes a request. Pure. */
import type { Trigger, TriggerType } from '@/api/types'
import { without } from '@/lib/json-path'

export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

export type ScheduleKind = 'cron' | 'every' | 'at'

export interface TriggerFields {
  type: TriggerType
  workflowId: string | null
  /** The name of the preset it begins with. */
  preset: string | null
  /** As the API takes it; what has no field here stays in it. */
  config: Record<string, unknown>
  /** The mapping that replaces the input, as JSON text; empty for none. */
  mapping: string
  /** The input of a schedule's runs, as JSON text. */
  input: string
}

const DEFAULTS: Record<TriggerType, (zone: string) => Record<string, unknown>> = {
  api: () => ({ methods: ['POST'], auth: { type: 'open' } }),
  schedule: (zone) => ({ cron: '0 9 * * MON-FRI', timezone: zone }),
  kafka: () => ({ topic: '' }),
  workflow: () => ({ workflow: '', on: ['succeeded'] }),
}

/** What a new trigger of a type begins with. */
export const newConfig = (type: TriggerType, zone: string): Record<string, unknown> => DEFAULTS[type](zone)

/** Seconds in the largest unit that holds them whole. */
export function splitSeconds(seconds: number): { every: number; unit: number } {
  const unit = [86_400, 3600, 60].find((size) => seconds >= size && seconds % size === 0) ?? 1
  return { every: seconds / unit, unit }
}

/** An instant as a `datetime-local` field takes it, in the browser's zone. */
export function toLocalField(instant: string): string {
  const at = new Date(instant)
  if (Number.isNaN(at.getTime())) return ''
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

export const scheduleKind = (config: Record<string, unknown>): ScheduleKind => (typeof config.every_seconds === 'number' ? 'every' : config.at !== undefined ? 'at' : 'cron')

/** A schedule of another kind, with what all kinds have in common. */
export function withKind(config: Record<string, unknown>, kind: ScheduleKind, zone: string): Record<string, unknown> {
  const { cron, every_seconds, at, timezone, ...rest } = config
  if (kind === 'cron') return { cron: cron ?? '0 9 * * MON-FRI', timezone: timezone ?? zone, ...rest }
  return kind === 'every' ? { every_seconds: every_seconds ?? 300, ...rest } : { at: at ?? '', ...rest }
}

const asText = (value: unknown): string => (value === undefined || value === null ? '' : JSON.stringify(value, null, 2))

/** The fields of an existing trigger, or those a new one begins with. */
export function fieldsOf(trigger: Trigger | undefined, workflowId: string | undefined, zone: string, type: TriggerType = 'api'): TriggerFields {
  if (!trigger) return { type, workflowId: workflowId ?? null, preset: null, config: newConfig(type, zone), mapping: '', input: '' }
  const { input, ...config } = withoutNothing(trigger.config)
  // Its own id is the group it has when none is named.
  if (config.group === trigger.id) delete config.group
  return { type: trigger.type, workflowId: trigger.workflow_id, preset: null, config, mapping: asText(trigger.input), input: asText(input) }
}

/** Without what is null or an empty text, and without what the API only shows. */
function withoutNothing(config: Record<string, unknown>): Record<string, unknown> {
  const kept = Object.entries(config).filter(([, value]) => value !== undefined && value !== null && value !== '')
  return Object.fromEntries(kept.map(([name, value]) => [name, name === 'auth' ? without(value as Record<string, unknown>, 'has_secret') : value]))
}

export interface TriggerWish {
  config: Record<string, unknown>
  input: unknown
}

/** What to send. Throws SyntaxError for an input or a mapping that is not JSON. */
export function wishOf({ type, config, mapping, input }: TriggerFields): TriggerWish {
  const given = withoutNothing(config)
  if (type === 'schedule' && input.trim() !== '') given.input = JSON.parse(input) as unknown
  return { config: given, input: mapping.trim() === '' ? null : (JSON.parse(mapping) as unknown) }
}
