/** One way to call the API: JSON in, JSON out, problems as ApiProblem. Knows nothing of the paths. */
import { ApiProblem, noAnswer, problemOf, UNREADABLE } from './problem'
import { actingIn, bearer, signOut } from './session'

export type Query = Record<string, string | number | boolean | null | undefined>

export interface CallOptions {
  query?: Query
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal
  /** A key to try instead of the session's; its refusal signs nobody out. */
  key?: string
}

export interface Answer<T> {
  data: T
  status: number
  etag: string | null
}

let base = new URL('api/', 'http://localhost/')

/** Set once, before the first call, from the runtime configuration. */
export function setApiUrl(url: URL): void {
  base = new URL(url.href.endsWith('/') ? url.href : `${url.href}/`)
}

/** The full address of a path below the API's root. */
export function apiUrl(path: string, query: Query = {}): string {
  const url = new URL(path.replace(/^\//, ''), base)
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') url.searchParams.set(name, String(value))
  }
  return url.href
}

/** Sends a request with the session's key. Throws ApiProblem when there is no answer or it is not 2xx. */
export async function send(method: string, path: string, options: CallOptions = {}): Promise<Response> {
  const key = options.key ?? bearer()
  const headers = new Headers({ Accept: 'application/json', ...options.headers })
  if (key) headers.set('Authorization', `Bearer ${key}`)
  const workspace = options.key === undefined ? actingIn() : null
  if (workspace) headers.set('Millrace-Workspace', workspace)
  if (options.body !== undefined) headers.set('Content-Type', 'application/json')
  const body = options.body === undefined ? undefined : JSON.stringify(options.body)
  let response: Response
  try {
    response = await fetch(apiUrl(path, options.query), { method, headers, body, signal: options.signal, credentials: 'omit' })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw noAnswer()
  }
  if (response.ok) return response
  if (response.status === 401 && options.key === undefined && key !== null) signOut('refused')
  throw await problemOf(response)
}

export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<Answer<T>> {
  const response = await send(method, path, options)
  const answer = { status: response.status, etag: response.headers.get('etag') }
  if (response.status === 204) return { ...answer, data: undefined as T }
  try {
    return { ...answer, data: (await response.json()) as T }
  } catch {
    throw new ApiProblem({ status: response.status, code: UNREADABLE, title: 'The answer is not JSON; is the address of the API right?' })
  }
}

const dataOf = async <T>(answer: Promise<Answer<T>>): Promise<T> => (await answer).data

export const api = {
  get: <T>(path: string, query?: Query, signal?: AbortSignal) => dataOf(call<T>('GET', path, { query, signal })),
  post: <T>(path: string, body?: unknown) => dataOf(call<T>('POST', path, { body })),
  patch: <T>(path: string, body: unknown) => dataOf(call<T>('PATCH', path, { body })),
  delete: (path: string) => dataOf(call<undefined>('DELETE', path)),
}
