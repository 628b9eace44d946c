/** What can be done with a workflow from a list or its page. */
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
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
    mutationFn: () => deleteWorkflow(workflow.id),
    onSuccess: async () => {
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
