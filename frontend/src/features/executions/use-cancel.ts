import { useMutation, useQueryClient } from '@tanstack/react-query'
import { cancelExecution, executionKeys, wakeNode } from '@/api/queries/executions'
import type { NodeRun } from '@/api/types'
import { confirm } from '@/ui/confirm'
import { notifyDone, notifyProblem } from '@/ui/notify'

/** Asks, then cancels. */
export function useCancel(): (id: string) => Promise<void> {
  const client = useQueryClient()
  const { mutate } = useMutation({
    mutationFn: cancelExecution,
    onSuccess: () => notifyDone('The execution is being cancelled.'),
    onError: (error) => notifyProblem(error, 'Not cancelled'),
    onSettled: () => client.invalidateQueries({ queryKey: executionKeys.all }),
  })
  return async (id) => {
    const body = 'Steps that run are stopped. What they have already done stays done.'
    if (await confirm({ title: 'Cancel this execution?', body, yes: 'Cancel it', no: 'Let it run', danger: true })) mutate(id)
  }
}

/** Ends a delay, or the wait before a retry, now. */
export function useWake(executionId: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ node_id, iteration }: Pick<NodeRun, 'node_id' | 'iteration'>) => wakeNode(executionId, node_id, iteration),
    onError: (error) => notifyProblem(error, 'Not woken'),
    onSettled: () => client.invalidateQueries({ queryKey: executionKeys.one(executionId) }),
  })
}
