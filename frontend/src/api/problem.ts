/** What went wrong with a call, always as one class: the API's problem details (RFC 9457), or why there was no answer. */
import type { FieldProblem, Problem } from './types'

/** Codes of our own, for calls that got no problem document back. */
export const NO_ANSWER = 'no_answer'
export const UNREADABLE = 'unreadable_answer'

export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly status: number
  readonly code: string
  readonly title: string
  readonly detail: string
  readonly errors: FieldProblem[]
  readonly requestId: string | null
  /** Seconds the server asked to wait. */
  readonly retryAfter: number | null
  /** The answer's JSON, for the few answers that are no problem documents. */
  readonly body: unknown

  constructor(problem: Partial<Problem> & { status: number; code: string; title: string }, retryAfter: number | null = null, body: unknown = null) {
    super(problem.detail ?? problem.title)
    this.status = problem.status
    this.code = problem.code
    this.title = problem.title
    this.detail = problem.detail ?? problem.title
    this.errors = problem.errors ?? []
    this.requestId = problem.request_id ?? null
    this.retryAfter = retryAfter
    this.body = body
  }

  /** Whether the same call may well succeed a little later. */
  get transient(): boolean {
    return this.code === NO_ANSWER || this.status === 429 || this.status === 502 || this.status === 503 || this.status === 504
  }
}

export const noAnswer = (): ApiProblem =>
  new ApiProblem({ status: 0, code: NO_ANSWER, title: 'Millrace does not answer', detail: 'The API cannot be reached. Is Millrace running?' })

/** The problem of an answer that is not 2xx, whoever wrote it: Millrace, a gateway or a proxy in between. */
export async function problemOf(response: Response): Promise<ApiProblem> {
  const after = Number(response.headers.get('retry-after') ?? Number.NaN)
  const retryAfter = Number.isFinite(after) ? after : null
  const body = parseObject(await response.text().catch(() => ''))
  const given: Partial<Problem> = typeof body?.code === 'string' ? body : {}
  const title = `The server answered ${response.status}${response.statusText ? ` ${response.statusText}` : ''}`
  return new ApiProblem({ title, code: UNREADABLE, ...given, status: response.status }, retryAfter, body)
}

function parseObject(text: string): Partial<Problem> | null {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null ? value : null
  } catch {
    return null // something between us and the API answered
  }
}

/** The problem of any thrown thing. */
export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error
  const message = error instanceof Error ? error.message : String(error)
  return new ApiProblem({ status: 0, code: 'client_error', title: 'Something went wrong in the web app', detail: message })
}

/** Problems by the JSON Pointer they belong to, for forms. */
export const problemsByPath = (error: unknown): Record<string, string> =>
  error instanceof ApiProblem ? Object.fromEntries(error.errors.map(({ path, message }) => [path, message])) : {}
