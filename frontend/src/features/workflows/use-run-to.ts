/** Runs the draft up to a step with the input of last time; asks for one when there is none that fits. */
import { useMutation } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { problemsByPath } from '@/api/problem'
import { runWorkflow } from '@/api/queries/workflows'
import { sampleInput } from '@/lib/definition'
import { readJson } from '@/lib/json-source'
import { readStored } from '@/lib/storage'
import { notifyProblem } from '@/ui/notify'
import { isDirty } from './draft/draft-store'
import { useDraft } from './draft/use-draft'
import { inputProblems, lastInputName } from './run-input'

const route = getRouteApi('/shell/workflows/$id/')

/** `shownInput`: the input of the run on the canvas, which goes before that of the last dialog. */
export function useRunTo(shownInput: unknown): (nodeId: string) => void {
  const { workflow, store, save, openRunUntil, openProblems } = useDraft()
  const navigate = route.useNavigate()
  const run = useMutation({
    mutationFn: async (until: string) => {
      if (isDirty(store.getState()) && !(await save())) return null
      const last = readJson(readStored('session', lastInputName(workflow.id)) ?? '')
      const input = shownInput ?? (last.ok ? last.value : sampleInput(store.getState().definition.input_schema))
      return runWorkflow(workflow.id, { input, version: 'draft', until })
    },
    onSuccess: async (started) => {
      if (started) await navigate({ search: { run: started.id } })
    },
    onError: (error, until) => {
      const problems = problemsByPath(error)
      if (inputProblems(problems).length > 0) openRunUntil(until)
      else if (Object.keys(problems).some((path) => path.startsWith('/definition'))) openProblems()
      else notifyProblem(error, 'Not started')
    },
  })
  return run.mutate
}
