/** What to do about a part that does not work. The API says what it found; this says the next step. */
import type { Check, Health, Provider } from '@/api/types'
import { formatRelative, instant } from '@/lib/time'

export type Part = keyof Health['checks']

export const PARTS: { part: Part; title: string; about: string }[] = [
  { part: 'database', title: 'Database', about: 'PostgreSQL holds every workflow, execution and wait.' },
  { part: 'engine', title: 'Engine', about: 'Takes what is due and runs it; fires schedules.' },
  { part: 'cache', title: 'Cache', about: 'Redis or Valkey makes things faster, and may be gone at any moment.' },
  { part: 'kafka', title: 'Kafka', about: 'Starts executions from records, and publishes.' },
]

const ADVICE: Record<Part, Partial<Record<Check['status'], string>>> = {
  database: {
    down: 'Check that PostgreSQL runs and that DATABASE_URL is right. Nothing is lost meanwhile: what was accepted goes on when it is back.',
    degraded: 'Look at PostgreSQL’s load and its connections.',
  },
  engine: {
    degraded: 'Start a worker, or restart ./run. Work that is due waits and is taken up where it was left.',
    down: 'The engine needs the database; mend that first.',
  },
  cache: {
    off: 'Set REDIS_URL for speed. Everything works without it.',
    down: 'Check the server behind REDIS_URL. Everything goes on without it, somewhat slower.',
    degraded: 'Check the server behind REDIS_URL. Everything goes on without it, somewhat slower.',
  },
  kafka: {
    off: 'Set KAFKA_BOOTSTRAP_SERVERS, or install Java 17 for an embedded broker, to use Kafka triggers and steps.',
    down: 'Check the brokers of KAFKA_BOOTSTRAP_SERVERS. HTTP and schedules go on; records are read when it is back.',
    degraded: 'Check the brokers of KAFKA_BOOTSTRAP_SERVERS.',
  },
}

export const adviceFor = (part: Part, status: Check['status']): string | null => ADVICE[part][status] ?? null

export const PROVIDER_STATES: Record<Provider['state'], { status: string; label: string }> = {
  closed: { status: 'ok', label: 'Answers' },
  open: { status: 'down', label: 'Held back' },
  half_open: { status: 'degraded', label: 'Being tried' },
}

/** What to do about a host that is called; null while nothing is wrong. */
export function providerAdvice({ state, failures, opened_until, last_error }: Provider, now: number): string | null {
  if (state === 'closed' && failures === 0) return null
  const why = last_error ? `It said: ${last_error}. ` : ''
  if (state === 'open') return `${why}Calls wait; the next one goes out ${formatRelative(instant(opened_until) ?? now, now)}. See whether the service is up, and whether the credential still holds.`
  if (state === 'half_open') return `${why}The next call shows whether it is back; nothing has to be done.`
  return `${why}It failed ${failures} times in a row; at ten, calls are held back.`
}
