import { expect, it } from 'vitest'
import { settingsOf, withSetting } from './settings'

const bare = { schema: 'millrace/1' as const, nodes: [] }

it('writes down only what is set, and leaves what it does not know', () => {
  const set = withSetting({ ...bare, settings: { later: 1 } }, 'priority', 'high')
  expect(set.settings).toEqual({ later: 1, priority: 'high' })
  expect(withSetting(set, 'priority', undefined).settings).toEqual({ later: 1 })
  expect(withSetting(withSetting(bare, 'retention_days', 30), 'retention_days', undefined)).toEqual(bare)
  expect(settingsOf(bare)).toEqual({})
})
