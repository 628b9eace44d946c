/** What every part of the builder can reach. */
import { createContext, use, type ReactNode } from 'react'
import { useStore } from 'zustand'
import type { Issue, RegistryEntry } from '@/api/types'
import type { Definition } from '@/lib/definition'
import type { GraphNodeState, GraphTrigger } from './graph/model'
import type { Editor } from './store/editor'
import type { UiState } from './store/ui-store'

/** An execution whose data the canvas shows and expressions may be tried on. */
export interface RunData {
  id: string
  status: string
  input: unknown
  trigger: unknown
  /** The last output of each node that has one. */
  outputs: Record<string, unknown>
  states: Record<string, GraphNodeState>
}

export interface BuilderValue {
  editor: Editor
  definition: Definition
  registry: readonly RegistryEntry[]
  triggerTypes: readonly RegistryEntry[]
  triggers: readonly GraphTrigger[]
  issues: readonly Issue[]
  run: RunData | null
  workflowId: string
  onNewTrigger: (type: string) => void
  /** The panel of a trigger that is opened on the canvas. */
  triggerPanel: (triggerId: string, close: () => void) => ReactNode
  /** Data of a step in the run that is shown. */
  dataPanel?: (nodeId: string) => ReactNode
  runsPanel?: ReactNode
  /** Runs the draft up to a step of the workflow's own graph. */
  onRunTo?: (nodeId: string) => void
}

const Context = createContext<BuilderValue | null>(null)
export const BuilderProvider = Context.Provider

export function useBuilder(): BuilderValue {
  const value = use(Context)
  if (!value) throw new Error('This is a part of the Builder')
  return value
}

export const useUi = <T,>(select: (state: UiState) => T): T => useStore(useBuilder().editor.ui, select)
