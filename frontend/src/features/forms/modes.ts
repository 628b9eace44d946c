/** Fixed or Expression: every field can be either, and keeps what it held as the other. Pure. */
import { partsOf } from '@/features/expression'
import { formatPointer } from '@/lib/json-pointer'
import { valueAt, withValueAt, type Path } from '@/lib/json-path'

export type Mode = 'fixed' | 'expression'

/** What a field was last set to in the mode it is not in, and the mode itself while the value does not tell. Kept in the node's `ui`. */
export interface Kept {
  mode?: Mode
  other?: unknown
}
export type Memory = Record<string, Kept>

export interface FormState {
  value: Record<string, unknown>
  memory: Memory
}

export const holdsExpression = (value: unknown): boolean => typeof value === 'string' && value.includes('{{')

/** A value with braces is an expression; for other texts, and where there is nothing yet, the last choice holds. */
export function modeOf({ value, memory }: FormState, path: Path): Mode {
  const now = valueAt(value, path)
  if (holdsExpression(now)) return 'expression'
  const kept = memory[formatPointer(path)]
  return kept?.mode === 'expression' && (now === undefined || typeof now === 'string') ? 'expression' : 'fixed'
}

function asExpression(value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return undefined
  // A text may stand as it is, with expressions put into it; JSON is CEL.
  return typeof value === 'string' ? value : `{{ ${celOf(value)} }}`
}

/** A value as one expression; expressions within its texts become part of it. */
function celOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(celOf).join(',')}]`
  if (typeof value === 'object' && value !== null) return `{${Object.entries(value).map(([name, inner]) => `${JSON.stringify(name)}:${celOf(inner)}`).join(',')}}`
  const parts = typeof value === 'string' ? partsOf(value) : null
  if (!parts || !holdsExpression(value)) return JSON.stringify(value)
  const [only, ...others] = parts
  if (only && others.length === 0 && 'expression' in only) return only.expression
  return parts.map((part) => ('text' in part ? JSON.stringify(part.text) : `string(${part.expression})`)).join(' + ')
}

/** Switches a field over. What it held comes back when it is switched again. */
export function toggled({ value, memory }: FormState, path: Path, to: Mode): FormState {
  const pointer = formatPointer(path)
  const now = valueAt(value, path)
  if (modeOf({ value, memory }, path) === to) return { value, memory }
  const kept = memory[pointer]
  const had = kept !== undefined && 'other' in kept
  const next = to === 'expression' ? (had ? kept.other : asExpression(now)) : had ? kept.other : holdsExpression(now) ? undefined : now
  return {
    value: withValueAt(value, path, next) as Record<string, unknown>,
    memory: { ...memory, [pointer]: { mode: to, ...(now === undefined ? {} : { other: now }) } },
  }
}
