import { describe, expect, it } from 'vitest'
import { adviceFor, PARTS } from './advice'

describe('health', () => {
  it('has advice for whatever does not work', () => {
    for (const { part } of PARTS) expect([adviceFor(part, 'ok'), adviceFor(part, 'down')]).toEqual([null, expect.any(String)])
  })
})
