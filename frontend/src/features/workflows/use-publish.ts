import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { ApiProblem } from '@/api/problem'
import { triggerKeys } from '@/api/queries/triggers'
import { publishWorkflow, workflowKeys } from '@/api/queries/workflows'
import { notifyDone, notifyProblem } from '@/ui/notify'
import { useDraft } from './draft/use-draft'

/** Saves what is unsaved, then publishes exactly that. With errors it leads to them instead. */
export function usePublish() {
  const { workflow, store, save } = useDraft()
  const client = useQueryClient()
  const navigate = useNavigate()
  return useMutation({
    mutationFn: async () => ((await save()) ? publishWorkflow(workflow.id, store.getState().base.etag) : null),
    onSuccess: (version) => {
      if (version) notifyDone(`Version ${version.version} is live.`)
    },
    onError: (error) => {
      notifyProblem(error, 'Not published')
      if (error instanceof ApiProblem && error.status === 422) void navigate({ to: '/workflows/$id/json', params: { id: workflow.id } })
    },
    onSettled: () => {
      void client.invalidateQueries({ queryKey: workflowKeys.all })
      void client.invalidateQueries({ queryKey: triggerKeys.all })
    },
  })
}
