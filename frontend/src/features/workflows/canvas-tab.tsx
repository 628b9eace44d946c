import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { Suspense, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { actionsQuery, triggerTypesQuery } from '@/api/queries/installation'
import { triggerListQuery } from '@/api/queries/triggers'
import type { TriggerType } from '@/api/types'
import { Builder, placeOf, type Editor, type GraphTrigger } from '@/features/builder'
import { RunList, StepData, useExecutionDefinition, useShownRun } from '@/features/executions'
import { orderedTriggerTypes, TriggerForm, TriggerPanel, triggerSummary } from '@/features/triggers'
import { ErrorPanel } from '@/ui/error-panel'
import { Loading } from '@/ui/loading'
import { useDraft, useDraftState } from './draft/use-draft'
import { BrokenBanner, RunBanner } from './canvas-banners'
import { RanView } from './ran-view'
import { useRunTo } from './use-run-to'
import { changesBetween } from './version-changes'
import classes from './workflow-page.module.css'

const route = getRouteApi('/shell/workflows/$id/')

/** The draft on the canvas: drawn, edited, tried. */
export function CanvasTab() {
  const { workflow, issues, store, jump, onJumped } = useDraft()
  const definition = useDraftState((state) => state.definition)
  const broken = useDraftState((state) => !state.parsed.ok)
  const { run: runId, step } = route.useSearch()
  const navigate = route.useNavigate()
  const registry = useQuery(actionsQuery())
  const triggerTypes = useQuery(triggerTypesQuery())
  const types = useMemo(() => orderedTriggerTypes(triggerTypes.data ?? NONE), [triggerTypes.data])
  const triggers = useGraphTriggers(workflow.id)
  const { execution, run, error } = useShownRun(runId, definition)
  const { definition: ranDefinition } = useExecutionDefinition(execution?.id)
  const differing = useMemo(() => (ranDefinition ? Object.values(changesBetween(ranDefinition, definition)).length : null), [ranDefinition, definition])
  const [ranShown, setRanShown] = useState<string | null>(null)
  const ran = execution !== undefined && ranShown === execution.id
  const runTo = useRunTo(execution?.input)
  const openRun = useCallback((id: string) => void navigate({ search: { run: id } }), [navigate])
  const [newTrigger, setNewTrigger] = useState<string | null>(null)
  const [editor, setEditor] = useState<Editor | null>(null)
  const document = useRef({
    read: () => store.getState().definition,
    change: (...change: Parameters<ReturnType<typeof store.getState>['setDefinition']>) => store.getState().setDefinition(...change),
    undo: () => store.getState().undo(),
    redo: () => store.getState().redo(),
  })

  useEffect(() => {
    if (!editor || (jump === null && step === undefined)) return
    const place = jump === null ? { scope: [], node: step ?? null, rest: '' } : placeOf(editor.definition(), jump)
    if (editor.ui.getState().scope.join('/') !== place.scope.join('/')) editor.enter(place.scope)
    if (place.node !== null) {
      editor.select({ nodes: [place.node] })
      editor.open(place.node, place.rest)
    }
    onJumped()
  }, [editor, jump, step, onJumped])

  const panel = useCallback((id: string, close: () => void) => <TriggerPanel id={id} onClose={close} onRun={openRun} />, [openRun])
  const runs = useMemo(() => <RunList filter={{ workflow_id: workflow.id }} selected={runId} none="Nothing has run yet. Run the draft, and it stands here." onOpen={openRun} />, [workflow.id, runId, openRun])
  const data = useMemo(() => (execution ? (nodeId: string) => <StepData key={nodeId} execution={execution} nodeId={nodeId} /> : undefined), [execution])
  if (registry.isError) return <div className={classes.padded}><ErrorPanel error={registry.error} onRetry={() => void registry.refetch()} /></div>
  if (!registry.data) return <Loading />
  return (
    <div className={classes.fill}>
      <Suspense fallback={<Loading label="Loading the builder" />}>
        <Builder
          document={document.current}
          definition={definition}
          registry={registry.data}
          triggerTypes={types}
          triggers={triggers}
          issues={issues}
          run={run}
          workflowId={workflow.id}
          label={`The workflow ${workflow.name}`}
          onNewTrigger={setNewTrigger}
          triggerPanel={panel}
          dataPanel={data}
          runsPanel={runs}
          onRunTo={runTo}
          instead={
            ran ? (
              <RanView
                key={execution.id}
                execution={execution}
                registry={registry.data}
                onTake={(taken) => {
                  document.current.change(taken, { label: 'Take what ran' })
                  setRanShown(null)
                }}
              />
            ) : null
          }
          onEditor={setEditor}
          banner={
            <>
              {broken ? <BrokenBanner /> : null}
              {error ? <ErrorPanel error={error} /> : null}
              {execution ? <RunBanner execution={execution} differing={differing} ran={ran} onRan={(on) => setRanShown(on ? execution.id : null)} onClose={() => void navigate({ search: {}, replace: true })} /> : null}
            </>
          }
        />
      </Suspense>
      {newTrigger === null ? null : <TriggerForm workflowId={workflow.id} type={newTrigger as TriggerType} onMade={({ id }) => editor?.open(`trigger:${id}`)} onClose={() => setNewTrigger(null)} />}
    </div>
  )
}

const NONE: never[] = []

function useGraphTriggers(workflowId: string): GraphTrigger[] {
  const { data } = useInfiniteQuery(triggerListQuery({ workflow_id: workflowId }))
  return useMemo(
    () =>
      (data?.pages ?? [])
        .flatMap(({ items }) => items)
        .map((trigger) => ({ id: trigger.id, type: trigger.type, active: trigger.state === 'active', ...triggerSummary(trigger) })),
    [data],
  )
}
