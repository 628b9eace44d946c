/**
 * The draft that is being edited: one text, one truth. The JSON editor changes the text, the canvas changes the definition, and both see the other's
 * work at once. Saving names the revision it started from, so nobody's work is overwritten unseen.
 */
import { create, type StoreApi, type UseBoundStore } from 'zustand'
import { ApiProblem } from '@/api/problem'
import { readWorkflow, saveDraft, type TaggedWorkflow } from '@/api/queries/workflows'
import type { Issue } from '@/api/types'
import { isDrawable, type Definition } from '@/lib/definition'
import { jsonResult, prettyJson, readJson, type JsonResult } from '@/lib/json-source'
import { emptyHistory, recorded, redone, undone, type Gesture, type History } from './history'

export interface DraftState {
  workflowId: string
  text: string
  parsed: JsonResult
  /** What the text would draw; the last drawable one while the text is not. */
  definition: Definition
  base: { text: string; etag: string; revision: number }
  saving: boolean
  /** The draft that somebody else saved meanwhile. */
  conflict: TaggedWorkflow | null
  /** Why the last save was refused: problems of form, by path. */
  refused: Issue[]
  history: History

  setText: (text: string) => void
  setDefinition: (definition: Definition, gesture?: Gesture) => void
  /** Takes the last gesture back, or does it again; says which it was, null when there was none. */
  undo: () => string | null
  redo: () => string | null
  /** What the server has. Taken over unless there are unsaved changes. */
  receive: (tagged: TaggedWorkflow) => void
  /** True when the draft is saved (or was already). Throws ApiProblem for anything but a conflict and problems of form. */
  save: () => Promise<boolean>
  /** Ends a conflict: `mine` saves over theirs, `theirs` drops mine, `later` goes on editing. */
  resolve: (choice: 'mine' | 'theirs' | 'later') => Promise<void>
  discard: () => void
}

export type DraftStore = UseBoundStore<StoreApi<DraftState>>

export const isDirty = ({ text, base }: DraftState): boolean => text !== base.text

const baseOf = ({ workflow, etag }: TaggedWorkflow) => ({ text: prettyJson(workflow.definition), etag, revision: workflow.revision })

const withText = (text: string, before?: Definition): Pick<DraftState, 'text' | 'parsed' | 'definition'> => {
  const parsed = readJson(text)
  const drawable = parsed.ok && isDrawable(parsed.value) ? parsed.value : undefined
  return { text, parsed, definition: drawable ?? before ?? { schema: 'millrace/1', nodes: [] } }
}

/** A definition needs no reading: its text and its value are made of it. */
const withDefinition = (definition: Definition): Pick<DraftState, 'text' | 'parsed' | 'definition'> => {
  const text = prettyJson(definition)
  return { text, parsed: jsonResult(definition, text), definition }
}

const TYPING: Gesture = { label: 'Edit the JSON', key: 'json', within: Infinity }
const CHANGE: Gesture = { label: 'Change' }

type Read = (id: string) => Promise<TaggedWorkflow>
type Write = (id: string, definition: Definition, etag: string) => Promise<TaggedWorkflow>

/** `saved` is told of every draft the server has accepted. */
export function makeDraftStore(first: TaggedWorkflow, saved: (tagged: TaggedWorkflow) => void, write: Write = saveDraft, read: Read = readWorkflow): DraftStore {
  return create<DraftState>((set, get) => {
    const accept = (tagged: TaggedWorkflow, sent: string) => {
      // What was typed while the save was under way stays, as changes on top of it.
      const base = baseOf(tagged)
      const { text } = get()
      if (text === sent && base.text !== text) set(withText(base.text, get().definition))
      set({ base, refused: [], conflict: null })
      saved(tagged)
    }

    const attempt = async (etag: string, mayRepeat: boolean): Promise<boolean> => {
      const { workflowId, text, parsed, base } = get()
      if (!parsed.ok) return false
      try {
        accept(await write(workflowId, parsed.value as Definition, etag), text)
        return true
      } catch (error) {
        if (!(error instanceof ApiProblem)) throw error
        if (error.status === 422 && error.errors.length > 0) {
          set({ refused: error.errors.map((each) => ({ ...each, severity: 'error' as const })) })
          return false
        }
        if (error.status !== 412) throw error
        const theirs = await read(workflowId)
        // Only the name or a label was changed: their draft is the one this work began from, so nothing is lost.
        if (mayRepeat && prettyJson(theirs.workflow.definition) === base.text) return attempt(theirs.etag, false)
        set({ conflict: theirs })
        return false
      }
    }

    const guarded = async (run: () => Promise<boolean>): Promise<boolean> => {
      set({ saving: true })
      try {
        return await run()
      } finally {
        set({ saving: false })
      }
    }

    const step = (take: typeof undone): string | null => {
      const taken = take(get().history, get().definition)
      if (taken) set({ ...withDefinition(taken.definition), history: taken.history, refused: [] })
      return taken?.label ?? null
    }

    return {
      workflowId: first.workflow.id,
      ...withText(prettyJson(first.workflow.definition)),
      base: baseOf(first),
      saving: false,
      conflict: null,
      refused: [],
      history: emptyHistory,
      setText: (text) => {
        const { text: before, definition, history } = get()
        if (text !== before) set({ ...withText(text, definition), refused: [], history: recorded(history, definition, TYPING, Date.now()) })
      },
      setDefinition: (definition, gesture = CHANGE) => {
        const { definition: before, history } = get()
        if (definition !== before) set({ ...withDefinition(definition), refused: [], history: recorded(history, before, gesture, Date.now()) })
      },
      undo: () => step(undone),
      redo: () => step(redone),
      receive: (tagged) => {
        const { base, saving } = get()
        if (saving || isDirty(get())) return
        const next = baseOf(tagged)
        // What the gestures of before began from is gone.
        if (next.text !== base.text) set({ base: next, ...withText(next.text), history: emptyHistory })
        else set({ base: next })
      },
      save: () => {
        if (!isDirty(get())) return Promise.resolve(true)
        if (get().saving) return Promise.resolve(false)
        return guarded(() => attempt(get().base.etag, true))
      },
      resolve: async (choice) => {
        const { conflict } = get()
        if (!conflict) return
        if (choice === 'theirs') {
          const base = baseOf(conflict)
          set({ base, conflict: null, refused: [], ...withText(base.text), history: emptyHistory })
          saved(conflict)
        } else {
          set({ conflict: null })
          if (choice === 'mine') await guarded(() => attempt(conflict.etag, false))
        }
      },
      discard: () => {
        const { definition, history, base } = get()
        set({ ...withText(base.text), refused: [], history: recorded(history, definition, { label: 'Discard changes' }, Date.now()) })
      },
    }
  })
}
