import type { TriggerContext } from '@/api/types'

const NAMES: Record<string, string> = {
  manual: 'By hand',
  api: 'HTTP',
  schedule: 'Schedule',
  kafka: 'Kafka',
  workflow: 'Workflow',
  retry: 'Retry',
}

/** What started an execution, in a word or two. */
export const triggerName = (trigger: TriggerContext | null | undefined): string => (trigger ? (NAMES[trigger.type] ?? trigger.type) : 'Unknown')

const ICONS: Record<string, string> = { api: 'webhook', schedule: 'clock', kafka: 'messages', manual: 'bolt', workflow: 'workflow' }

export const triggerIcon = (type: string): string => ICONS[type] ?? 'bolt'

/** The telling detail of what started it. */
export function triggerDetail(trigger: TriggerContext): string {
  const text = (name: string) => (typeof trigger[name] === 'string' || typeof trigger[name] === 'number' ? String(trigger[name]) : '')
  if (trigger.type === 'api') return [text('method'), text('path')].filter(Boolean).join(' ')
  if (trigger.type === 'schedule') return text('planned_at')
  if (trigger.type === 'kafka') return [text('topic'), text('partition') && `partition ${text('partition')}`, text('offset') && `offset ${text('offset')}`].filter(Boolean).join(', ')
  return ''
}
