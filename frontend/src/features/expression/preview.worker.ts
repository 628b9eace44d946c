/** Evaluates previews off the page's thread, so that no expression can hold it up. */
import { evaluate, syntaxError } from '@/lib/cel'
import { jsonOf, partsOf, textOf, unknownNames } from './template'

export interface Asked {
  id: number
  text: string
  language: 'cel' | 'template'
  values: Record<string, unknown>
}

export interface Told {
  id: number
  /** `value`: what it gives, as JSON; `unknown`: no data for these names yet; `wrong`: why it cannot be or fails. */
  outcome: { kind: 'value'; json: string } | { kind: 'unknown'; names: string[] } | { kind: 'wrong'; message: string }
}

type One = { ok: true; value: unknown } | Exclude<Told['outcome'], { kind: 'value' }>

function one(expression: string, values: Asked['values']): One {
  const syntax = syntaxError(expression)
  if (syntax !== null) return { kind: 'wrong', message: syntax }
  const result = evaluate(expression, values)
  if (result.ok) return result
  const names = unknownNames(expression, values)
  return names.length > 0 ? { kind: 'unknown', names } : { kind: 'wrong', message: result.error }
}

export function preview({ text, language, values }: Omit<Asked, 'id'>): Told['outcome'] {
  const parts = language === 'cel' ? [{ expression: text }] : partsOf(text)
  if (parts === null) return { kind: 'wrong', message: 'A {{ is not closed by }}' }
  const results: unknown[] = []
  for (const part of parts) {
    if ('text' in part) results.push(part.text)
    else {
      const result = one(part.expression, values)
      if (!('ok' in result)) return result
      results.push(result.value)
    }
  }
  const [only] = parts
  const whole = parts.length === 1 && only && 'expression' in only
  return { kind: 'value', json: jsonOf(whole ? results[0] : results.map(textOf).join('')) }
}

if (typeof document === 'undefined' && typeof self !== 'undefined') {
  self.onmessage = ({ data }: MessageEvent<Asked>) => self.postMessage({ id: data.id, outcome: preview(data) } satisfies Told)
}
