import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { createTrigger, triggerKeys } from '@/api/queries/triggers'
import { createWorkflow, publishWorkflow, runWorkflow, workflowKeys } from '@/api/queries/workflows'
import { notifyDone, notifyProblem } from '@/ui/notify'
import type { Template } from './templates'

/** One press: the workflow is created, published, triggered and run, and its execution is shown on the canvas. */
export function useStartTemplate() {
  const client = useQueryClient()
  const navigate = useNavigate()
  return useMutation({
    mutationFn: async (template: Template) => {
      const { name, description, definition } = template
      const workflow = await createWorkflow({ name, description, definition, labels: ['template'] })
      await publishWorkflow(workflow.id)
      for (const trigger of template.triggers) await createTrigger({ workflow_id: workflow.id, ...trigger })
      return { workflow, execution: await runWorkflow(workflow.id, { input: template.input }) }
    },
    onSuccess: async ({ workflow, execution }) => {
      notifyDone(`${workflow.name} is published and running.`)
      await navigate({ to: '/workflows/$id', params: { id: workflow.id }, search: { run: execution.id } })
    },
    onError: (error) => notifyProblem(error, 'The template could not be started'),
    onSettled: () => {
      void client.invalidateQueries({ queryKey: workflowKeys.all })
      void client.invalidateQueries({ queryKey: triggerKeys.all })
    },
  })
}
