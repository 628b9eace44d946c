import { Loader } from '@mantine/core'
import { lazy, Suspense } from 'react'
import { ErrorBoundary } from '@/ui/error-boundary'
import type { DefinitionGraphProps } from './graph/model'

const Graph = lazy(() => import('./graph/graph'))

/** A definition as a drawing; with states, what an execution did of it. */
export function DefinitionGraph(props: DefinitionGraphProps) {
  return (
    <ErrorBoundary>
      <Suspense fallback={<Loader size="sm" m="auto" aria-label="Loading the graph" />}>
        <Graph {...props} />
      </Suspense>
    </ErrorBoundary>
  )
}
