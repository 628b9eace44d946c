/** A trigger in words: what it listens to, and why it does not. */
import { formatDuration } from './time'

interface Described {
  type: string
  config: Record<string, unknown>
}

export const TRIGGER_NAMES: Record<string, string> = { api: 'HTTP', schedule: 'Schedule', kafka: 'Kafka', workflow: 'Workflow' }
export const TRIGGER_ICONS: Record<string, string> = { api: 'webhook', schedule: 'clock', kafka: 'messages', workflow: 'hierarchy-2' }

const text = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '')

export function triggerSummary({ type, config }: Described): { title: string; subtitle: string } {
  const title = TRIGGER_NAMES[type] ?? type
  if (type === 'api') {
    const methods = Array.isArray(config.methods) ? config.methods.join(', ') : 'POST'
    return { title, subtitle: `${methods} /trigger/${text(config.path)}` }
  }
  if (type === 'schedule') return { title, subtitle: scheduleWords(config) }
  if (type === 'kafka') return { title, subtitle: text(config.topic) }
  if (type === 'workflow') return { title, subtitle: `${text(config.workflow)} ${endWords(config.on)}` }
  return { title, subtitle: '' }
}

const endWords = (on: unknown): string => (Array.isArray(on) ? on.join(' or ') : 'succeeded')

export function scheduleWords(config: Record<string, unknown>): string {
  if (config.cron) return `${text(config.cron)} (${text(config.timezone) || 'UTC'})`
  if (typeof config.every_seconds === 'number') return `every ${formatDuration(config.every_seconds * 1000)}`
  return config.at ? `once, at ${text(config.at)}` : 'no time is set'
}

const REASONS: Record<string, string> = {
  trigger_disabled: 'It is disabled.',
  workflow_disabled: 'Its workflow is disabled.',
  workflow_not_published: 'Its workflow has no published version.',
  schedule_ended: 'It has no run left.',
  secret_missing: 'Its secret was never given here, so it refuses every call. Edit it and set one.',
}

/** Why a trigger is not active, in words; what is not known is shown as it came. */
export const reasonWords = (reason: string | null): string | null => (reason === null ? null : (REASONS[reason] ?? reason))
