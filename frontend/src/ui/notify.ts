/** Toasts: what was done, and what the API refused, in its own words. */
import { notifications } from '@mantine/notifications'
import { asProblem } from '@/api/problem'

export function notifyDone(message: string, title?: string): void {
  notifications.show({ title, message, color: 'teal', autoClose: 3500 })
}

export function notifyProblem(error: unknown, doing?: string): void {
  const problem = asProblem(error)
  // A refused key shows the sign-in page, which says it better.
  if (problem.status === 401) return
  const more = problem.errors.slice(1, 4).map(({ path, message }) => `${path}: ${message}`)
  const message = [problem.detail, ...more].join('\n')
  notifications.show({ id: `${problem.code}:${problem.detail}`, title: doing ?? problem.title, message, color: 'red', autoClose: 8000 })
}
