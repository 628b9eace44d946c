import { lazy, Suspense, useMemo } from 'react'
import { ErrorBoundary } from '@/ui/error-boundary'
import { Loading } from '@/ui/loading'
import { draw, type DefinitionGraphProps } from './graph/model'
import { notesAt } from './model/scope'

const Canvas = lazy(() => import('./canvas/canvas'))
const NONE: readonly string[] = []

/** A definition as a drawing to look at; with states, what an execution did of it. */
export function DefinitionGraph({ definition, registry, triggers, label, states, issues, changes, selected, covered, onSelect }: DefinitionGraphProps) {
  const drawing = useMemo(() => draw({ definition, registry, triggers }), [definition, registry, triggers])
  const notes = useMemo(() => notesAt(definition, []), [definition])
  const chosen = useMemo(() => ({ nodes: selected ? [selected] : NONE, edges: NONE, notes: NONE }), [selected])
  const keep = useMemo(() => (selected && covered ? { id: selected, right: covered } : null), [selected, covered])
  return (
    <ErrorBoundary>
      <Suspense fallback={<Loading label="Loading the graph" />}>
        <Canvas drawing={drawing} label={label} notes={notes} states={states} issues={issues} changes={changes} selected={chosen} onOpen={onSelect} keep={keep} />
      </Suspense>
    </ErrorBoundary>
  )
}
