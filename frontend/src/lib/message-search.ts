/** The filters of the messages list as they stand in the address. */

export const MESSAGE_CHANNELS = ['email', 'sms', 'push', 'slack', 'discord', 'teams', 'webhook'] as const
export const MESSAGE_STATUSES = ['accepted', 'unknown', 'delivered', 'failed'] as const

export interface MessageSearch {
  channel?: string
  status?: string
  workflow_id?: string
  execution_id?: string
  /** The one that is looked at. */
  message?: string
}

/** Reads a search string; what is not understood is dropped. */
export function readMessageSearch(search: Record<string, unknown>): MessageSearch {
  const text = (name: string): string | undefined => {
    const value = search[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const known = (name: string, values: readonly string[]) => values.find((value) => value === text(name))
  return { channel: known('channel', MESSAGE_CHANNELS), status: known('status', MESSAGE_STATUSES), workflow_id: text('workflow_id'), execution_id: text('execution_id'), message: text('message') }
}
