// @vitest-environment node
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '@/test/server'
import { api, apiUrl, call, setApiUrl } from './client'
import { readEvents } from './live'
import { ApiProblem, asProblem, NO_ANSWER, problemsByPath, UNREADABLE } from './problem'
import { mayRetry, retryDelay } from './query-client'
import { bearer, signIn, signOut } from './session'

let server: TestServer

beforeAll(async () => {
  server = await startServer()
  setApiUrl(server.url)
})
afterAll(() => server.stop())
beforeEach(() => {
  server.sent.length = 0
  signIn('key-of-the-session', false)
})

const PROBLEM = { type: 'urn:x', title: 'Not valid', status: 422, detail: '/name: too long', code: 'validation_failed', errors: [{ path: '/name', code: 'x', message: 'too long' }] }
const problem = (status: number, body: object, headers = {}) => ({ status, headers: { 'Content-Type': 'application/problem+json', ...headers }, body: JSON.stringify(body) })
const failure = async (run: Promise<unknown>): Promise<ApiProblem> => {
  const error: unknown = await run.then(() => null, (thrown: unknown) => thrown)
  if (!(error instanceof ApiProblem)) throw new Error('no ApiProblem was thrown')
  return error
}

describe('a call', () => {
  it('sends key, query and JSON, and gives data and ETag', async () => {
    server.answer({ headers: { ETag: '"a.b"' }, body: '{"id": 1}' })
    const answer = await call('PATCH', '/workflows/wf_1', { query: { q: 'a b', none: undefined, empty: '' }, body: { x: 1 }, headers: { 'If-Match': '"a"' } })
    expect(answer).toEqual({ data: { id: 1 }, status: 200, etag: '"a.b"' })
    const [sent] = server.sent
    expect(sent).toMatchObject({ method: 'PATCH', url: '/api/workflows/wf_1?q=a+b', body: '{"x":1}' })
    expect(sent?.headers).toMatchObject({ authorization: 'Bearer key-of-the-session', 'content-type': 'application/json', 'if-match': '"a"' })
  })
  it('takes no content for an answer', async () => {
    server.answer({ status: 204 })
    await expect(api.delete('/triggers/1')).resolves.toBeUndefined()
  })
  it('throws the problem of the API', async () => {
    server.answer(problem(422, PROBLEM))
    const error = await failure(api.post('/workflows', {}))
    expect(error).toMatchObject({ status: 422, code: 'validation_failed', detail: '/name: too long' })
    expect(problemsByPath(error)).toEqual({ '/name': 'too long' })
  })
  it('makes a problem of an answer from something between', async () => {
    server.answer({ status: 502, body: '<html>Bad gateway</html>' })
    expect(await failure(api.get('/workflows'))).toMatchObject({ status: 502, code: UNREADABLE, transient: true })
  })
  it('makes a problem of a page that is no API', async () => {
    server.answer({ body: '<html>' })
    expect(await failure(api.get('/workflows'))).toMatchObject({ status: 200, code: UNREADABLE })
  })
  it('makes a problem of no answer', async () => {
    server.answer({ cut: true })
    expect(await failure(api.get('/workflows'))).toMatchObject({ status: 0, code: NO_ANSWER, transient: true })
  })
  it('lets an abort be an abort', async () => {
    const stop = new AbortController()
    stop.abort()
    await expect(api.get('/workflows', {}, stop.signal)).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('a refused key', () => {
  it('ends the session', async () => {
    server.answer(problem(401, { code: 'unauthenticated', title: 'A key is needed' }))
    expect((await failure(api.get('/me'))).status).toBe(401)
    expect(bearer()).toBeNull()
  })
  it('ends nothing when it was only tried', async () => {
    server.answer(problem(401, { code: 'unauthenticated', title: 'A key is needed' }))
    await failure(call('GET', '/me', { key: 'another' }))
    expect(server.sent[0]?.headers.authorization).toBe('Bearer another')
    expect(bearer()).toBe('key-of-the-session')
  })
  it('is not sent once signed out', async () => {
    signOut()
    server.answer({ body: '{}' })
    await api.get('/health')
    expect(server.sent[0]?.headers.authorization).toBeUndefined()
  })
})

describe('retry', () => {
  const of = (status: number, code = 'x', retryAfter: number | null = null) => new ApiProblem({ status, code, title: 't' }, retryAfter)
  it.each([[of(0, NO_ANSWER), true], [of(503), true], [of(500), true], [of(429), true], [of(404), false], [of(422), false], [of(401), false], [new Error('ours'), false]])('%s: %s', (error, again) => expect(mayRetry(0, error)).toBe(again))
  it('ends', () => expect(mayRetry(3, of(503))).toBe(false))
  it('waits as long as it was asked to, else longer each time', () => {
    expect(retryDelay(0, of(429, 'x', 7))).toBe(7000)
    expect(retryDelay(0, of(429, 'x', 7000))).toBe(30_000)
    expect([0, 1, 9].map((failures) => retryDelay(failures, of(503)))).toEqual([500, 1000, 8000])
  })
})

describe('an event stream', () => {
  it('is read event by event, however it is cut', async () => {
    const whole = 'retry: 2000\n\nid: 1\nevent: a\ndata: {"seq": 1,\ndata: "x": "ü"}\n\n: still here\n\nid: 2\r\ndata: {"seq": 2}\r\n\r\n'
    const bytes = new TextEncoder().encode(whole)
    for (const size of [1, 7, bytes.length]) {
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          for (let from = 0; from < bytes.length; from += size) controller.enqueue(bytes.slice(from, from + size))
          controller.close()
        },
      })
      const found: unknown[] = []
      for await (const data of readEvents(stream)) found.push(JSON.parse(data))
      expect(found).toEqual([{ seq: 1, x: 'ü' }, { seq: 2 }])
    }
  })
})

it('puts addresses together below the API', () => {
  expect(apiUrl('/executions', { limit: 5, status: null })).toBe(`${server.url.href}executions?limit=5`)
})

it('makes a problem of anything thrown', () => {
  expect(asProblem('text')).toMatchObject({ code: 'client_error', detail: 'text' })
  const known = new ApiProblem({ status: 404, code: 'not_found', title: 'x' })
  expect(asProblem(known)).toBe(known)
})
