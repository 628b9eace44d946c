/** What can be done with a workflow from a list or its page. */
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { ApiProblem } from '@/api/problem'
import { triggerKeys } from '@/api/queries/triggers'
import { createWorkflow, deleteWorkflow, exportWorkflow, patchWorkflow, readWorkflow, workflowKeys, type WorkflowPatch } from '@/api/queries/workflows'
import type { WorkflowSummary } from '@/api/types'
import { prettyJson } from '@/lib/json-source'
import { downloadText } from '@/lib/text'
import { confirm } from '@/ui/confirm'
import { notifyDone, notifyProblem } from '@/ui/notify'

export function useWorkflowActions(workflow: WorkflowSummary) {
  const client = useQueryClient()
  const navigate = useNavigate()
  const refresh = () => {
    void client.invalidateQueries({ queryKey: workflowKeys.all })
    void client.invalidateQueries({ queryKey: triggerKeys.all })
  }

  const change = useMutation({
    mutationFn: (patch: WorkflowPatch) => patchWorkflow(workflow.id, patch),
    onError: (error) => notifyProblem(error, 'Not changed'),
    onSettled: refresh,
  })

  const duplicate = useMutation({
    mutationFn: async () => {
      const { workflow: whole } = await readWorkflow(workflow.id)
      return createWorkflow({ name: `${whole.name} (copy)`.slice(0, 200), description: whole.description, labels: whole.labels, definition: whole.definition })
    },
    onSuccess: async (copy) => {
      notifyDone('The copy has the draft, and no triggers.', `${copy.name} is made`)
      await navigate({ to: '/workflows/$id', params: { id: copy.id } })
    },
    onError: (error) => notifyProblem(error, 'Not duplicated'),
    onSettled: refresh,
  })

  const exported = useMutation({
    mutationFn: () => exportWorkflow(workflow.id),
    onSuccess: (document) => downloadText(`${workflow.slug}.json`, prettyJson(document)),
    onError: (error) => notifyProblem(error, 'Not exported'),
  })

  const remove = useMutation({
    mutationFn: async () => {
      try {
        await deleteWorkflow(workflow.id)
      } catch (error) {
        if (!(error instanceof ApiProblem) || error.code !== 'workflow_has_live_executions') throw error
        const body = 'Executions of it are under way. They are cancelled first: steps that run are stopped, what they did stays done.'
        if (!(await confirm({ title: `Cancel what runs of ${workflow.name}?`, body, yes: 'Cancel and delete', no: 'Keep it', danger: true }))) return false
        await deleteWorkflow(workflow.id, true)
      }
      return true
    },
    onSuccess: async (deleted) => {
      if (!deleted) return
      notifyDone(`${workflow.name} is deleted. Its history stays.`)
      await navigate({ to: '/workflows' })
    },
    onError: (error) => notifyProblem(error, 'Not deleted'),
    onSettled: refresh,
  })

  const askToRemove = async () => {
    const body = 'Its versions and triggers go with it, and calls of its URLs will fail. Executions that ended stay in the history.'
    if (await confirm({ title: `Delete ${workflow.name}?`, body, yes: 'Delete', danger: true })) remove.mutate()
  }

  return { change, duplicate, exported, askToRemove }
}
