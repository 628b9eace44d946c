import { IconMapPinOff } from '@tabler/icons-react'
import type { ErrorComponentProps } from '@tanstack/react-router'
import { useDocumentTitle } from '@/lib/use-document-title'
import { asProblem } from '@/api/problem'
import { EmptyState } from '@/ui/empty-state'
import { LinkButton } from '@/ui/link-button'
import { ErrorPanel } from '@/ui/error-panel'
import { Loading } from '@/ui/loading'

/** A page that threw. A new build replaces the files an open page still refers to; then loading again is what helps. */
export function RouteError({ error, reset }: ErrorComponentProps) {
  const stale = /dynamically imported module|Importing a module script failed/i.test(asProblem(error).detail)
  return (
    <div style={{ padding: 24, maxWidth: 720 }}>
      <ErrorPanel error={stale ? new Error('This page was updated; load it again.') : error} onRetry={stale ? () => window.location.reload() : reset} />
    </div>
  )
}

export function RoutePending() {
  return (
    <div style={{ display: 'flex', justifyContent: 'center', padding: 64 }}>
      <Loading />
    </div>
  )
}

export function NotFound() {
  useDocumentTitle('Not found')
  return (
    <EmptyState
      icon={IconMapPinOff}
      title="There is no such page"
      heading="h1"
      action={
        <LinkButton to="/" variant="default">
          Go home
        </LinkButton>
      }
    >
      The address may be mistyped, or what it named was deleted.
    </EmptyState>
  )
}
