import { useBlocker } from '@tanstack/react-router'
import { useEffect } from 'react'
import { confirm } from '@/ui/confirm'
import { isDirty, type DraftStore } from './draft-store'

/** Leaving saves what is unsaved when drafts save by themselves; what cannot be saved is asked about. Another tab of the same workflow is not leaving. */
export function useUnsavedGuard(store: DraftStore, autosave: boolean): void {
  useBlocker({
    shouldBlockFn: async ({ next }) => {
      const state = store.getState()
      if (!isDirty(state) || next.pathname.startsWith(`/workflows/${state.workflowId}`)) return false
      // The store knows which workflow it is of, so this can be saved into no other one.
      if (autosave && (await settledSave(store))) return false
      return !(await confirm({
        title: 'Leave without saving?',
        body: 'The draft has changes that are not saved. They are lost when you leave.',
        yes: 'Leave',
        no: 'Stay',
        danger: true,
      }))
    },
    enableBeforeUnload: () => isDirty(store.getState()),
  })
}

/** Saves, after a save that is under way; false when the draft could not be saved. */
async function settledSave(store: DraftStore): Promise<boolean> {
  for (let tries = 0; store.getState().saving && tries < 50; tries++) await new Promise((resolve) => setTimeout(resolve, 100))
  return store.getState().save().catch(() => false)
}

/** Ctrl/Cmd+S saves, Ctrl/Cmd+Enter runs; in fields and editors too. */
export function useWorkflowKeys(save: () => Promise<boolean>, run: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || document.querySelector('[role="dialog"]')) return
      if (event.key.toLowerCase() === 's' && !event.shiftKey) {
        event.preventDefault()
        void save()
      } else if (event.key === 'Enter') {
        event.preventDefault()
        run()
      }
    }
    // Captured, because CodeMirror takes Ctrl+Enter for itself.
    window.addEventListener('keydown', onKey, true)
    return () => window.removeEventListener('keydown', onKey, true)
  }, [save, run])
}

/** Saves by itself a moment after the last change, when the person has turned that on. */
export function useAutosave(store: DraftStore, on: boolean): void {
  useEffect(() => {
    if (!on) return undefined
    let timer: number | undefined
    const plan = () => {
      window.clearTimeout(timer)
      const state = store.getState()
      if (!isDirty(state) || !state.parsed.ok || state.conflict || state.saving) return
      // A refusal or a lost connection shows beside the save button; the next change tries again.
      timer = window.setTimeout(() => void store.getState().save().catch(() => undefined), 1500)
    }
    const stop = store.subscribe((state, before) => {
      if (state.text !== before.text || (before.saving && !state.saving)) plan()
    })
    plan()
    return () => {
      stop()
      window.clearTimeout(timer)
    }
  }, [store, on])
}
