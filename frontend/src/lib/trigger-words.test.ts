import { describe, expect, it } from 'vitest'
import { reasonWords, triggerSummary } from './trigger-words'

describe('triggers in words', () => {
  it.each([
    ['api', { path: 'orders', methods: ['GET', 'POST'] }, 'GET, POST /trigger/orders'],
    ['schedule', { cron: '* * * * *', timezone: 'UTC' }, '* * * * * (UTC)'],
    ['schedule', { every_seconds: 300 }, 'every 5 min'],
    ['kafka', { topic: 'orders' }, 'orders'],
  ] as const)('%s %j', (type, config, words) => expect(triggerSummary({ type, config }).subtitle).toBe(words))
  it('give reasons, known or not', () => expect([reasonWords(null), reasonWords('workflow_disabled'), reasonWords('the broker is gone')]).toEqual([null, 'Its workflow is disabled.', 'the broker is gone']))
})
