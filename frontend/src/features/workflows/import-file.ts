import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { importWorkflow, workflowKeys } from '@/api/queries/workflows'
import { chooseFile } from '@/lib/choose-file'
import { readJson } from '@/lib/json-source'
import { notifyDone, notifyProblem } from '@/ui/notify'

/** Makes a workflow of an exported document that the reader chooses. Its triggers come disabled. */
export function useImportFile() {
  const client = useQueryClient()
  const navigate = useNavigate()
  const mutation = useMutation({
    mutationFn: async (file: File) => {
      const document = readJson(await file.text())
      if (!document.ok) throw new Error(`${file.name} is not JSON: ${document.error.message}`)
      return importWorkflow(document.value)
    },
    onSuccess: async (workflow) => {
      notifyDone(['Its triggers are disabled until you enable them.', ...workflow.warnings].join(' '), `${workflow.name} is imported`)
      await navigate({ to: '/workflows/$id', params: { id: workflow.id } })
    },
    onError: (error) => notifyProblem(error, 'Not imported'),
    onSettled: () => client.invalidateQueries({ queryKey: workflowKeys.all }),
  })
  return { choose: () => chooseFile('application/json,.json', mutation.mutate), busy: mutation.isPending }
}
