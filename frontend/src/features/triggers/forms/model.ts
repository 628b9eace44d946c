/** What the trigger forms hold, and how it becomes a request. Pure. */
import type { Trigger, TriggerType } from '@/api/types'

export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

export interface ApiFields {
  path: string
  methods: string[]
  auth: string
  header: string
  secret: string
  dedupe_key: string
}

export interface ScheduleFields {
  kind: 'cron' | 'every' | 'at'
  cron: string
  every: number | ''
  unit: number
  at: string
  timezone: string
  misfire: string
  overlap: string
  input: string
}

export interface KafkaFields {
  topic: string
  group: string
  start: string
  filter: string
}

export interface TriggerFields {
  type: TriggerType
  workflowId: string | null
  api: ApiFields
  schedule: ScheduleFields
  kafka: KafkaFields
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

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

/** The fields of an existing trigger, or those a new one begins with. */
export function fieldsOf(trigger: Trigger | undefined, workflowId: string | undefined, zone: string): TriggerFields {
  const config = trigger?.config ?? {}
  const auth = (config.auth ?? {}) as Record<string, unknown>
  const seconds = typeof config.every_seconds === 'number' ? config.every_seconds : null
  return {
    type: trigger?.type ?? 'api',
    workflowId: trigger?.workflow_id ?? workflowId ?? null,
    api: {
      path: text(config.path),
      methods: Array.isArray(config.methods) ? (config.methods as string[]) : ['POST'],
      auth: text(auth.type) || 'open',
      header: text(auth.header) || 'x-millrace-signature',
      secret: '',
      dedupe_key: text(config.dedupe_key),
    },
    schedule: {
      kind: seconds !== null ? 'every' : config.at ? 'at' : 'cron',
      cron: text(config.cron) || '0 9 * * MON-FRI',
      ...(seconds === null ? { every: 5, unit: 60 } : splitSeconds(seconds)),
      at: config.at ? toLocalField(text(config.at)) : '',
      timezone: text(config.timezone) || zone,
      misfire: text(config.misfire) || 'last',
      overlap: text(config.overlap) || 'allow',
      input: config.input === undefined || config.input === null ? '' : JSON.stringify(config.input, null, 2),
    },
    kafka: {
      topic: text(config.topic),
      group: config.group === trigger?.id ? '' : text(config.group),
      start: text(config.start) || 'latest',
      filter: text(config.filter),
    },
  }
}

const given = (config: Record<string, unknown>): Record<string, unknown> => Object.fromEntries(Object.entries(config).filter(([, value]) => value !== '' && value !== undefined))

function apiConfig({ path, methods, auth, header, secret, dedupe_key }: ApiFields): Record<string, unknown> {
  const signed = auth === 'hmac' || auth === 'standard_webhooks'
  const authConfig = given({ type: auth, header: auth === 'hmac' ? header.trim() : '', secret: signed ? secret : '' })
  return given({ path: path.trim(), methods, auth: authConfig, dedupe_key: dedupe_key.trim() })
}

function scheduleConfig(fields: ScheduleFields, before: Record<string, unknown>): Record<string, unknown> {
  const { kind, cron, every, unit, at, timezone, misfire, overlap, input } = fields
  const rest = { misfire, overlap, input: input.trim() === '' ? undefined : (JSON.parse(input) as unknown) }
  // Bounds have no field here, and are kept as they were.
  const bounds = kind === 'at' ? {} : { start: before.start ?? undefined, end: before.end ?? undefined }
  if (kind === 'cron') return given({ cron: cron.trim(), timezone, ...rest, ...bounds })
  if (kind === 'every') return given({ every_seconds: Number(every) * unit, ...rest, ...bounds })
  return given({ at: at === '' ? undefined : new Date(at).toISOString(), ...rest })
}

/** The config to send. Throws SyntaxError for an input that is not JSON. */
export function configOf(fields: TriggerFields, before: Record<string, unknown> = {}): Record<string, unknown> {
  if (fields.type === 'api') return apiConfig(fields.api)
  if (fields.type === 'schedule') return scheduleConfig(fields.schedule, before)
  const { topic, group, start, filter } = fields.kafka
  return given({ topic: topic.trim(), group: group.trim(), start, filter: filter.trim() })
}
