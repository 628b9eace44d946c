import { useMutation, useQueryClient } from '@tanstack/react-query'
import { ApiProblem } from '@/api/problem'
import { triggerKeys } from '@/api/queries/triggers'
import { publishWorkflow, workflowKeys } from '@/api/queries/workflows'
import { notifyDone, notifyProblem } from '@/ui/notify'
import { useDraft } from './draft/use-draft'

/** Saves what is unsaved, then publishes exactly that. With errors it shows them instead. */
export function usePublish() {
  const { workflow, store, save, openProblems } = useDraft()
  const client = useQueryClient()
  return useMutation({
    mutationFn: async () => ((await save()) ? publishWorkflow(workflow.id, store.getState().base.etag) : null),
    onSuccess: (version) => {
      if (version) notifyDone(`Version ${version.version} is live.`)
    },
    onError: (error) => {
      if (error instanceof ApiProblem && error.status === 422) openProblems()
      else notifyProblem(error, 'Not published')
    },
    onSettled: () => {
      void client.invalidateQueries({ queryKey: workflowKeys.all })
      void client.invalidateQueries({ queryKey: triggerKeys.all })
    },
  })
}
