import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { ApiProblem } from '@/api/problem'
import { actionKeys, createAction, replaceAction } from '@/api/queries/custom-actions'
import type { ActionDocument } from '@/api/types'
import { chooseFile } from '@/lib/choose-file'
import { readJson } from '@/lib/json-source'
import { confirm } from '@/ui/confirm'
import { notifyDone, notifyProblem } from '@/ui/notify'

/** Makes an action of an exported document; where there is one of this type already, it asks before it becomes the next version. */
export function useActionFile() {
  const client = useQueryClient()
  const navigate = useNavigate()
  const mutation = useMutation({
    mutationFn: async (file: File) => {
      const read = readJson(await file.text())
      if (!read.ok) throw new Error(`${file.name} is not JSON: ${read.error.message}`)
      const document = read.value as ActionDocument
      try {
        return await createAction(document)
      } catch (error) {
        if (!(error instanceof ApiProblem) || error.code !== 'type_taken') throw error
        const again = await confirm({ title: `Replace ${document.type}?`, body: 'There is an action of this type. What is published stays with the version it has.', yes: 'Make it the next version' })
        return again ? replaceAction(document) : null
      }
    },
    onSuccess: async (action) => {
      if (action === null) return
      notifyDone(`Version ${action.version} is in the palette.`, `${action.title} is imported`)
      await navigate({ to: '/custom-actions/$type', params: { type: action.type } })
    },
    onError: (error) => notifyProblem(error, 'Not imported'),
    onSettled: () => client.invalidateQueries({ queryKey: actionKeys.all }),
  })
  return { choose: () => chooseFile('application/json,.json', mutation.mutate), busy: mutation.isPending }
}
