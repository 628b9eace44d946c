import { lazy, Suspense } from 'react'
import { ErrorBoundary } from '@/ui/error-boundary'
import { Loading } from '@/ui/loading'
import type { DefinitionGraphProps } from './graph/model'

const Graph = lazy(() => import('./graph/graph'))

/** A definition as a drawing; with states, what an execution did of it. */
export function DefinitionGraph(props: DefinitionGraphProps) {
  return (
    <ErrorBoundary>
      <Suspense fallback={<Loading label="Loading the graph" />}>
        <Graph {...props} />
      </Suspense>
    </ErrorBoundary>
  )
}
