import { describe, expect, it } from 'vitest'
import { readConfig } from './runtime-config'

describe('config.json', () => {
  it.each([
    [{ apiUrl: 'api' }, 'http://h/deep/', 'http://h/deep/api'],
    [{ apiUrl: '../x/api' }, 'http://h/deep/', 'http://h/x/api'],
    [{ apiUrl: 'https://api.example/v1' }, 'http://h/', 'https://api.example/v1'],
    [null, 'http://h/', 'http://h/api'],
    [{ apiUrl: 3 }, 'http://h/', 'http://h/api'],
  ])('%j on %s is %s', (content, page, address) => expect(readConfig(content, page).apiUrl.href).toBe(address))
  it('tells of a host that shows itself only when it says so', () => expect([readConfig({ demo: true }, 'http://h/').demo, readConfig({ demo: 1 }, 'http://h/').demo]).toEqual([true, false]))
})
