import { describe, expect, it, vi } from 'vitest'
import { ApiProblem } from '@/api/problem'
import type { TaggedWorkflow } from '@/api/queries/workflows'
import type { Workflow } from '@/api/types'
import type { Definition } from '@/lib/definition'
import { prettyJson } from '@/lib/json-source'
import { isDirty, makeDraftStore } from './draft-store'

const definition = (name: string): Definition => ({ schema: 'millrace/1', nodes: [{ id: 'a', type: 'transform', name }], edges: [] })

/** The server's side of a draft: If-Match is checked as the API does. */
function makeServer() {
  let revision = 1
  let draft = definition('first')
  const shown = (): TaggedWorkflow => ({ workflow: { id: 'wf_1', revision, definition: draft } as Workflow, etag: `"${revision}"` })
  return {
    shown,
    /** Somebody else's save; without a definition only the name changed. */
    change(next?: Definition) {
      revision++
      if (next) draft = next
    },
    write: vi.fn((_id: string, next: Definition, etag: string) => {
      if (etag !== `"${revision}"`) return Promise.reject(new ApiProblem({ status: 412, code: 'precondition_failed', title: 'changed' }))
      if (next.nodes === undefined) {
        const errors = [{ path: '/definition/nodes', code: 'required', message: 'this field is required' }]
        return Promise.reject(new ApiProblem({ status: 422, code: 'validation_failed', title: 'not valid', errors }))
      }
      revision++
      draft = next
      return Promise.resolve(shown())
    }),
    read: () => Promise.resolve(shown()),
    get draft() {
      return draft
    },
  }
}

function open() {
  const server = makeServer()
  const saved = vi.fn()
  const store = makeDraftStore(server.shown(), saved, server.write, server.read)
  return { server, saved, store, now: () => store.getState() }
}

describe('a draft', () => {
  it('is clean until its text changes, and clean again when the text is back', () => {
    const { store, now } = open()
    expect(isDirty(now())).toBe(false)
    store.getState().setDefinition(definition('second'))
    expect(isDirty(now())).toBe(true)
    expect(now().definition.nodes[0]?.name).toBe('second')
    store.getState().discard()
    expect(isDirty(now())).toBe(false)
  })

  it('keeps the last drawing while the text is no JSON', () => {
    const { now } = open()
    now().setText('{"nodes": [')
    expect(now().parsed.ok).toBe(false)
    expect(now().definition).toEqual(definition('first'))
  })

  it('is saved under the revision it began from', async () => {
    const { now, server, saved } = open()
    now().setDefinition(definition('second'))
    await expect(now().save()).resolves.toBe(true)
    expect(server.write).toHaveBeenCalledWith('wf_1', definition('second'), '"1"')
    expect(now().base).toMatchObject({ etag: '"2"', revision: 2 })
    expect(saved).toHaveBeenCalledOnce()
    expect(isDirty(now())).toBe(false)
  })

  it('is not sent when nothing changed', async () => {
    const { now, server } = open()
    await expect(now().save()).resolves.toBe(true)
    expect(server.write).not.toHaveBeenCalled()
  })

  it('keeps what is typed while it is being saved', async () => {
    const { now } = open()
    now().setDefinition(definition('second'))
    const saving = now().save()
    now().setDefinition(definition('third'))
    await saving
    expect(now().definition.nodes[0]?.name).toBe('third')
    expect(isDirty(now())).toBe(true)
    await now().save()
    expect(isDirty(now())).toBe(false)
  })

  it('shows why it was refused, until it changes', async () => {
    const { now } = open()
    now().setText('{"schema": "millrace/1"}')
    await expect(now().save()).resolves.toBe(false)
    expect(now().refused).toEqual([{ path: '/definition/nodes', code: 'required', message: 'this field is required', severity: 'error' }])
    now().setText('{}')
    expect(now().refused).toEqual([])
  })

  it('passes on what is neither a conflict nor a matter of form', async () => {
    const server = makeServer()
    const store = makeDraftStore(server.shown(), vi.fn(), () => Promise.reject(new ApiProblem({ status: 503, code: 'unavailable', title: 'down' })), server.read)
    store.getState().setDefinition(definition('second'))
    await expect(store.getState().save()).rejects.toMatchObject({ code: 'unavailable' })
    expect(store.getState().saving).toBe(false)
    expect(isDirty(store.getState())).toBe(true)
  })
})

describe('a draft that was changed elsewhere', () => {
  async function conflicting() {
    const opened = open()
    opened.server.change(definition('theirs'))
    opened.now().setDefinition(definition('mine'))
    await opened.now().save()
    return opened
  }

  it('is not overwritten', async () => {
    const { now, server } = await conflicting()
    expect(now().conflict?.workflow.definition).toEqual(definition('theirs'))
    expect(server.draft).toEqual(definition('theirs'))
    expect(now().definition).toEqual(definition('mine'))
  })

  it('can be overwritten knowingly', async () => {
    const { now, server } = await conflicting()
    await now().resolve('mine')
    expect(server.draft).toEqual(definition('mine'))
    expect(now().conflict).toBeNull()
    expect(isDirty(now())).toBe(false)
  })

  it('can be taken over', async () => {
    const { now, server } = await conflicting()
    await now().resolve('theirs')
    expect(now().definition).toEqual(definition('theirs'))
    expect(server.draft).toEqual(definition('theirs'))
    expect(isDirty(now())).toBe(false)
  })

  it('can be put off', async () => {
    const { now } = await conflicting()
    await now().resolve('later')
    expect(now().conflict).toBeNull()
    expect(now().text).toBe(prettyJson(definition('mine')))
    await now().save()
    expect(now().conflict).not.toBeNull()
  })

  it('conflicts again when they saved once more during the choice', async () => {
    const { now, server } = await conflicting()
    server.change(definition('theirs again'))
    await now().resolve('mine')
    expect(now().conflict?.workflow.definition).toEqual(definition('theirs again'))
    expect(server.draft).toEqual(definition('theirs again'))
  })

  it('is no conflict when only the name was changed', async () => {
    const { now, server } = open()
    server.change()
    now().setDefinition(definition('mine'))
    await expect(now().save()).resolves.toBe(true)
    expect(server.draft).toEqual(definition('mine'))
  })

  it('is taken over by itself while nothing is unsaved, and only then', () => {
    const { now, server } = open()
    server.change(definition('theirs'))
    now().receive(server.shown())
    expect(now().definition).toEqual(definition('theirs'))
    now().setDefinition(definition('mine'))
    server.change(definition('theirs later'))
    now().receive(server.shown())
    expect(now().definition).toEqual(definition('mine'))
    expect(now().base.etag).toBe('"2"')
  })
})
