/** A message's channel and fate in words. */
import type { Message } from '@/api/types'

const NAMES: Record<string, string> = { email: 'Mail', sms: 'Text', push: 'Push', slack: 'Slack', discord: 'Discord', teams: 'Teams', webhook: 'Webhook' }

export const channelName = (channel: string): string => NAMES[channel] ?? channel

export const STATUS_WORDS: Record<Message['status'], { label: string; about: string }> = {
  accepted: { label: 'Accepted', about: 'It is on its way.' },
  unknown: { label: 'Unknown', about: 'The connection broke after it was handed over: it may have been sent, so it is not sent again.' },
  delivered: { label: 'Delivered', about: 'The provider said that it arrived.' },
  failed: { label: 'Failed', about: 'It did not arrive.' },
}
