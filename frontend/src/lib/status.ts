/** The status words of the API, and how each is told apart: a tone for its colour and a label. Icons are in ui/status-icon. */

export const EXECUTION_STATUSES = ['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled'] as const
export const LIVE_STATUSES = ['queued', 'running', 'waiting'] as const

export type ExecutionStatus = (typeof EXECUTION_STATUSES)[number]
export type NodeStatus = ExecutionStatus | 'skipped'

export type Tone = 'neutral' | 'running' | 'waiting' | 'ok' | 'error' | 'warning'

export const isLive = (status: string): boolean => (LIVE_STATUSES as readonly string[]).includes(status)

const TONES: Record<string, Tone> = {
  queued: 'neutral',
  running: 'running',
  waiting: 'waiting',
  succeeded: 'ok',
  failed: 'error',
  cancelled: 'neutral',
  skipped: 'neutral',
  ok: 'ok',
  degraded: 'warning',
  off: 'neutral',
  down: 'error',
  active: 'ok',
  inactive: 'neutral',
  unhealthy: 'error',
  fired: 'ok',
  late: 'warning',
  started: 'ok',
  duplicate: 'neutral',
  debounced: 'running',
  refused: 'error',
  healthy: 'ok',
  accepted: 'running',
  unknown: 'warning',
  delivered: 'ok',
  new: 'ok',
  created: 'ok',
  updated: 'running',
  unchanged: 'neutral',
  pending: 'running',
  replayed: 'ok',
  revoked: 'neutral',
  live: 'ok',
  draft: 'warning',
  disabled: 'neutral',
}

export const toneOf = (status: string): Tone => TONES[status] ?? 'neutral'

export const statusLabel = (status: string): string => status.charAt(0).toUpperCase() + status.slice(1)
