import { describe, expect, it } from 'vitest'
import { isDrawable } from '@/lib/definition'
import { TEMPLATES } from './templates'

describe('templates', () => {
  it.each(TEMPLATES.map((template) => [template.id, template] as const))('%s holds together', (_, { definition }) => {
    expect(isDrawable(definition)).toBe(true)
    const ids = definition.nodes.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { from, to } of definition.edges ?? []) expect([ids.includes(from), ids.includes(to)]).toEqual([true, true])
  })
})
