/** What steps and edges on the canvas can ask of it. */
import { createContext, use } from 'react'
import type { Point } from '../model/edit'
import type { Target } from '../store/ui-store'
import type { Note } from '../model/scope'

export interface CanvasActions {
  /** Opens the list of step types at a place of the screen; the chosen one goes to the target. */
  pick: (target: Target, screen: Point) => void
  changeNote: (id: string, change: Partial<Note>, label: string) => void
}

const Context = createContext<CanvasActions>({ pick: () => undefined, changeNote: () => undefined })
export const CanvasActionsProvider = Context.Provider

export const useCanvasActions = (): CanvasActions => use(Context)
