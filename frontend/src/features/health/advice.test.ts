import { describe, expect, it } from 'vitest'
import type { Provider } from '@/api/types'
import { adviceFor, PARTS, providerAdvice } from './advice'

const NOW = Date.parse('2027-01-01T00:00:00Z')
const provider = (more: Partial<Provider>): Provider => ({
  credential: null, host: 'api.example.com', state: 'closed', failures: 0, opened_until: null, calls: 1, errors: 0, average_ms: 5, last_error: null, last_error_at: null, last_success_at: null, ...more,
})

describe('health', () => {
  it('has advice for whatever does not work', () => {
    for (const { part } of PARTS) expect([adviceFor(part, 'ok'), adviceFor(part, 'down')]).toEqual([null, expect.any(String)])
  })
  it('says of a host why and until when calls wait', () => {
    expect(providerAdvice(provider({}), NOW)).toBeNull()
    const held = providerAdvice(provider({ state: 'open', failures: 12, opened_until: '2027-01-01T00:02:00Z', last_error: '503' }), NOW)
    expect(held).toContain('It said: 503.')
    expect(held).toContain('in 2 min')
    expect(providerAdvice(provider({ failures: 3 }), NOW)).toContain('3 times')
    expect(providerAdvice(provider({ state: 'half_open', failures: 10 }), NOW)).toContain('next call')
  })
})
