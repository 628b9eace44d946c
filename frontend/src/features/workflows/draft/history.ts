/** What can be taken back: one entry for each gesture. A burst of the same gesture (arrow keys, typing in one field) is one. Pure. */
import type { Definition } from '@/lib/definition'

export interface Gesture {
  /** What was done, as a menu would say it: "Move 3 steps". */
  label: string
  /** Changes of equal keys in quick succession are one gesture. */
  key?: string
  /** How quick, in milliseconds. */
  within?: number
}

interface Entry {
  /** The definition before the gesture (in `past`) or after it (in `future`). */
  definition: Definition
  label: string
  key?: string
  at: number
}

export interface History {
  past: Entry[]
  future: Entry[]
}

const LONGEST = 100
const BURST = 1_000

export const emptyHistory: History = { past: [], future: [] }

export function recorded(history: History, before: Definition, { label, key, within = BURST }: Gesture, now: number): History {
  const last = history.past.at(-1)
  if (last && key !== undefined && last.key === key && now - last.at <= within) return { past: [...history.past.slice(0, -1), { ...last, at: now }], future: [] }
  return { past: [...history.past, { definition: before, label, key, at: now }].slice(-LONGEST), future: [] }
}

interface Step {
  history: History
  definition: Definition
  label: string
}

export function undone({ past, future }: History, current: Definition): Step | null {
  const last = past.at(-1)
  if (!last) return null
  return { definition: last.definition, label: last.label, history: { past: past.slice(0, -1), future: [...future, { definition: current, label: last.label, at: 0 }] } }
}

export function redone({ past, future }: History, current: Definition): Step | null {
  const next = future.at(-1)
  if (!next) return null
  return { definition: next.definition, label: next.label, history: { past: [...past, { definition: current, label: next.label, at: 0 }], future: future.slice(0, -1) } }
}
