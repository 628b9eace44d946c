import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, use, useCallback, useEffect, useMemo, useState } from 'react'
import { validateDefinition, workflowKeys, type TaggedWorkflow } from '@/api/queries/workflows'
import type { Issue, Workflow } from '@/api/types'
import { notifyDone, notifyProblem } from '@/ui/notify'
import { isDirty, makeDraftStore, type DraftState, type DraftStore } from './draft-store'

export interface DraftContextValue {
  workflow: Workflow
  store: DraftStore
  /** Everything the validator says of the text as it stands now. */
  issues: Issue[]
  checking: boolean
  /** Saves with a toast for what goes wrong. */
  save: () => Promise<boolean>
  openRun: () => void
  /** Asks for the input of a run up to a step. */
  openRunUntil: (nodeId: string) => void
  /** Shows every problem, each with a way to it. */
  openProblems: () => void
  /** The place that the canvas is to show next, as a JSON Pointer. */
  jump: string | null
  onJumped: () => void
}

const Context = createContext<DraftContextValue | null>(null)
export const DraftProvider = Context.Provider

/** The draft of the workflow page this is on. */
export function useDraft(): DraftContextValue {
  const value = use(Context)
  if (!value) throw new Error('useDraft is for the tabs of a workflow')
  return value
}

export const useDraftState = <T,>(select: (state: DraftState) => T): T => useDraft().store(select)

/** One store as long as the page shows one workflow. */
export function useDraftStore(tagged: TaggedWorkflow): DraftStore {
  const client = useQueryClient()
  const saved = useCallback((next: TaggedWorkflow) => client.setQueryData(workflowKeys.one(next.workflow.id), next), [client])
  const [store] = useState(() => makeDraftStore(tagged, saved))
  useEffect(() => store.getState().receive(tagged), [store, tagged])
  return store
}

/** Problems of the text: what the last save was refused for, else what the validator says, a moment after the last key. */
export function useIssues(store: DraftStore): { issues: Issue[]; checking: boolean } {
  const text = store((state) => state.text)
  const parsed = store((state) => state.parsed)
  const refused = store((state) => state.refused)
  const [settled] = useDebouncedValue(text, 500)
  const check = useQuery({
    queryKey: ['validate', settled],
    queryFn: ({ signal }) => validateDefinition(JSON.parse(settled), signal),
    enabled: parsed.ok && settled === text,
    staleTime: Infinity,
    gcTime: 60_000,
    placeholderData: keepPreviousData,
  })
  const found = check.data
  return useMemo(
    () => ({ issues: refused.length > 0 ? refused : parsed.ok ? (found ?? []) : [], checking: check.isFetching || settled !== text }),
    [refused, parsed, found, check.isFetching, settled, text],
  )
}

/** Save with words for every outcome but a conflict, which has a dialog. */
export function useSave(store: DraftStore): () => Promise<boolean> {
  return useCallback(async () => {
    const before = store.getState()
    if (!before.parsed.ok) {
      notifyProblem(new Error(before.parsed.error.message), 'This is not JSON yet, so it cannot be saved')
      return false
    }
    const changed = isDirty(before)
    try {
      const done = await store.getState().save()
      if (done && changed) notifyDone('Draft saved.')
      const { refused } = store.getState()
      if (!done && refused[0]) notifyProblem(new Error(refused[0].message), 'The draft is not well formed, so it was not saved')
      return done
    } catch (error) {
      notifyProblem(error, 'The draft was not saved')
      return false
    }
  }, [store])
}
