import { useDisclosure, useLocalStorage } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, Outlet, useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useCallback, useMemo, useState } from 'react'
import { workflowQuery, type TaggedWorkflow } from '@/api/queries/workflows'
import { useDocumentTitle } from '@/lib/use-document-title'
import { ErrorPanel } from '@/ui/error-panel'
import { Loading } from '@/ui/loading'
import { useAutosave, useUnsavedGuard, useWorkflowKeys } from './draft/guards'
import { ConflictDialog } from './draft/conflict-dialog'
import { DraftProvider, useDraftStore, useIssues, useSave } from './draft/use-draft'
import { WorkflowHeader } from './workflow-header'
import classes from './workflow-page.module.css'

const RunDialog = lazy(() => import('./run-dialog'))
const ProblemsDialog = lazy(() => import('./problems-dialog'))
const route = getRouteApi('/shell/workflows/$id')

export function WorkflowPage() {
  const { id } = route.useParams()
  const query = useQuery(workflowQuery(id))
  if (query.data) return <Loaded key={id} tagged={query.data} />
  return (
    <div className={classes.waiting}>
      {query.isError ? <ErrorPanel error={query.error} onRetry={() => void query.refetch()} /> : <Loading />}
    </div>
  )
}

function Loaded({ tagged }: { tagged: TaggedWorkflow }) {
  const { workflow } = tagged
  useDocumentTitle(workflow.name)
  const store = useDraftStore(tagged)
  const { issues, checking } = useIssues(store)
  const save = useSave(store)
  const [running, setRunning] = useState<{ until?: string } | null>(null)
  const openRun = useCallback(() => setRunning({}), [])
  const openRunUntil = useCallback((until: string) => setRunning({ until }), [])
  const [autosave, setAutosave] = useLocalStorage({ key: 'millrace.autosave', defaultValue: true })
  useUnsavedGuard(store, autosave)
  useWorkflowKeys(save, openRun)
  useAutosave(store, autosave)
  const [problems, problemsShown] = useDisclosure(false)
  const [jump, setJump] = useState<string | null>(null)
  const onJumped = useCallback(() => setJump(null), [])
  const navigate = useNavigate()
  const jumpTo = (pointer: string) => {
    problemsShown.close()
    setJump(pointer)
    void navigate({ to: '/workflows/$id', params: { id: workflow.id }, search: (before: { run?: string }) => ({ run: before.run }) })
  }
  const value = useMemo(
    () => ({ workflow, store, issues, checking, save, openRun, openRunUntil, openProblems: problemsShown.open, jump, onJumped }),
    [workflow, store, issues, checking, save, openRun, openRunUntil, problemsShown.open, jump, onJumped],
  )
  return (
    <DraftProvider value={value}>
      <div className={classes.page}>
        <WorkflowHeader autosave={autosave} onAutosave={setAutosave} />
        <nav className={classes.tabs} aria-label="Workflow">
          <TabLink to="/workflows/$id" label="Canvas" id={workflow.id} exact />
          <TabLink to="/workflows/$id/json" label="JSON" id={workflow.id} />
          <TabLink to="/workflows/$id/versions" label="Versions" id={workflow.id} />
          <TabLink to="/workflows/$id/executions" label="Executions" id={workflow.id} />
          <TabLink to="/workflows/$id/triggers" label="Triggers" id={workflow.id} />
          <TabLink to="/workflows/$id/settings" label="Settings" id={workflow.id} />
        </nav>
        <div className={classes.content}>
          <Outlet />
        </div>
      </div>
      <ConflictDialog />
      <Suspense fallback={null}>
        {running ? <RunDialog until={running.until} onClose={() => setRunning(null)} /> : null}
        {problems ? <ProblemsDialog onClose={problemsShown.close} onJump={jumpTo} /> : null}
      </Suspense>
    </DraftProvider>
  )
}

type TabTo = '/workflows/$id' | '/workflows/$id/json' | '/workflows/$id/versions' | '/workflows/$id/executions' | '/workflows/$id/triggers' | '/workflows/$id/settings'

function TabLink({ to, label, id, exact = false }: { to: TabTo; label: string; id: string; exact?: boolean }) {
  return (
    <Link to={to} params={{ id }} className={classes.tab} activeOptions={{ exact, includeSearch: false }} replace data-testid={`tab-${label.toLowerCase()}`}>
      {label}
    </Link>
  )
}
