import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { executionKeys, retryExecution } from '@/api/queries/executions'
import { notifyDone, notifyProblem } from '@/ui/notify'

/** Runs an ended execution again from a step (or from what failed) and goes to the new one. */
export function useRetry(executionId: string) {
  const client = useQueryClient()
  const navigate = useNavigate()
  return useMutation({
    mutationFn: (from: string | undefined) => retryExecution(executionId, from === undefined ? {} : { from }),
    onSuccess: async (started) => {
      notifyDone('What came before keeps its outputs; what runs again keeps its idempotency keys.', 'It runs again')
      await navigate({ to: '/executions/$id', params: { id: started.id } })
    },
    onError: (error) => notifyProblem(error, 'Not started'),
    onSettled: () => client.invalidateQueries({ queryKey: executionKeys.all }),
  })
}
