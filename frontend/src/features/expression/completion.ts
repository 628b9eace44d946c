/** Completion in expressions: names and their members, methods and functions; in texts only between the braces. */
import type { Completion, CompletionContext, CompletionResult, CompletionSource } from '@codemirror/autocomplete'
import { membersAt, type ExpressionScope } from './scope'

export interface FunctionDoc {
  name: string
  /** With a receiver: `text.contains(part)`. */
  method?: boolean
  signature?: string
  description?: string
}

/** What CEL itself brings; the library's own functions are added when the API names them. */
const CORE: FunctionDoc[] = [
  { name: 'has', signature: 'has(object.field)', description: 'Whether a field is there.' },
  { name: 'size', signature: 'size(value)', description: 'Characters of a text, items of a list, fields of an object.' },
  { name: 'string', signature: 'string(value)', description: 'As a text.' },
  { name: 'int', signature: 'int(value)', description: 'As a whole number.' },
  { name: 'double', signature: 'double(value)', description: 'As a number with decimals.' },
  { name: 'bool', signature: 'bool(value)', description: 'As true or false.' },
  { name: 'timestamp', signature: "timestamp('2026-01-31T12:00:00Z')", description: 'A moment, of RFC 3339.' },
  { name: 'duration', signature: "duration('90s')", description: 'A length of time.' },
  { name: 'type', signature: 'type(value)', description: 'The type of a value.' },
  { name: 'contains', method: true, signature: 'text.contains(part)' },
  { name: 'startsWith', method: true, signature: 'text.startsWith(part)' },
  { name: 'endsWith', method: true, signature: 'text.endsWith(part)' },
  { name: 'matches', method: true, signature: 'text.matches(pattern)' },
  { name: 'map', method: true, signature: 'list.map(x, …)', description: 'Each item made into another.' },
  { name: 'filter', method: true, signature: 'list.filter(x, …)', description: 'The items for which it is true.' },
  { name: 'exists', method: true, signature: 'list.exists(x, …)', description: 'Whether it is true for one.' },
  { name: 'all', method: true, signature: 'list.all(x, …)', description: 'Whether it is true for all.' },
]

/** A chain of names up to the cursor: `nodes.charge.out`. Brackets with a text in them count as a name. */
const CHAIN = /(?:[A-Za-z_]\w*|\])(?:\s*\.\s*[A-Za-z_]\w*|\[(?:'[^']*'|"[^"]*"|\d+)\])*\s*\.?\s*[A-Za-z_]?\w*$/

/** `['?']` after a dot behind something whose fields cannot be known, such as a call. */
export function pathBefore(text: string): { path: string[]; typed: string } | null {
  const call = /[)}\]'"]\s*\.\s*(\w*)$/.exec(text)
  if (call && !/\['"]?[\w ]*['"]?\]\s*\.\s*\w*$/.test(text)) return { path: ['?'], typed: call[1] ?? '' }
  const chain = CHAIN.exec(text)?.[0] ?? ''
  const typed = /\w*$/.exec(chain)?.[0] ?? ''
  const before = chain.slice(0, chain.length - typed.length).trimEnd()
  if (before === '') return { path: [], typed }
  if (!before.endsWith('.')) return null
  const path = [...before.slice(0, -1).matchAll(/[A-Za-z_]\w*|'([^']*)'|"([^"]*)"/g)].map((match) => match[1] ?? match[2] ?? match[0])
  return before.startsWith(']') ? null : { path, typed }
}

const isName = (name: string): boolean => /^[A-Za-z_]\w*$/.test(name)

/** Whether the cursor is between double braces. */
export const insideBraces = (text: string): boolean => text.lastIndexOf('{{') > text.lastIndexOf('}}')

export function optionsAfter(text: string, scope: ExpressionScope, functions: readonly FunctionDoc[] = []): { options: Completion[]; typed: string } {
  const found = pathBefore(text)
  if (!found) return { options: [], typed: '' }
  const members = membersAt(scope, found.path).map(({ name, detail, info }): Completion => ({
    label: name,
    detail,
    info,
    type: 'property',
    boost: 2,
    // A name that CEL could not read after a dot goes into brackets.
    ...(isName(name) || found.path.length === 0 ? {} : { apply: (view, _, from, to) => view.dispatch({ changes: { from: from - 1, to, insert: `[${JSON.stringify(name)}]` } }) }),
  }))
  const wanted = found.path.length > 0
  // `nodes` and a step hold names, not values with methods.
  if (found.path[0] === 'nodes' && found.path.length < 3) return { options: members, typed: found.typed }
  const known = [...new Map([...CORE, ...functions].map((each) => [`${each.name}${each.method ? '.' : ''}`, each])).values()]
  const calls = known
    .filter(({ method = false, name }) => method === wanted && (wanted || !name.includes('.') || found.path.length === 0))
    .map(({ name, signature, description }): Completion => ({ label: name, detail: signature, info: description, type: 'function', apply: `${name}(` }))
  return { options: [...members, ...calls], typed: found.typed }
}

/** `language`: in a `template` completion works between braces, and elsewhere offers to open them. */
export const expressionCompletion =
  (scope: () => ExpressionScope, language: 'cel' | 'template', functions: () => readonly FunctionDoc[] = () => []): CompletionSource =>
  (context: CompletionContext): CompletionResult | null => {
    const text = context.state.sliceDoc(Math.max(0, context.pos - 2_000), context.pos)
    if (language === 'template' && !insideBraces(text)) {
      if (!context.explicit) return null
      const start: Completion = { label: '{{ }}', detail: 'an expression', apply: (view, _, from) => view.dispatch({ changes: { from, insert: '{{  }}' }, selection: { anchor: from + 3 } }) }
      return { from: context.pos, options: [start] }
    }
    const expression = language === 'template' ? text.slice(text.lastIndexOf('{{') + 2) : text
    if (!context.explicit && !/[\w.]$/.test(expression)) return null
    const { options, typed } = optionsAfter(expression, scope(), functions())
    return options.length > 0 ? { from: context.pos - typed.length, options, validFor: /^\w*$/ } : null
  }
