/** What the builder shows at this moment: which graph, what is chosen, what is open. Nothing of it is saved. */
import { createStore, type StoreApi } from 'zustand/vanilla'
import type { Point, Spots } from '../model/edit'

/** Where the next step goes that is chosen in the picker. */
export type Target = { edge: string } | { after: string; port: string } | { at: Point } | { end: true }

export interface PickerState {
  target: Target
  /** Where on the screen it opens. */
  screen: Point
}

export interface UiState {
  scope: string[]
  nodes: string[]
  edges: string[]
  notes: string[]
  /** The node whose settings are open. */
  opened: string | null
  /** The field of it that is to be shown, as a JSON Pointer within the node. */
  field: string | null
  picker: PickerState | null
  /** Where the canvas shows its nodes, those without a place of their own included. */
  spots: Spots
  /** Where the pointer was last over the canvas, in its coordinates. */
  pointer: Point | null
  /** Why something did not happen. */
  refusal: string | null
}

export type UiStore = StoreApi<UiState>

export const makeUiStore = (): UiStore =>
  createStore<UiState>(() => ({ scope: [], nodes: [], edges: [], notes: [], opened: null, field: null, picker: null, spots: {}, pointer: null, refusal: null }))
