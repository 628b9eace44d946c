/** What the JSON editor offers inside a definition: node types, the ids of the nodes there are, ports, and the words of fixed fields. */
import type { Completion, CompletionContext, CompletionResult, CompletionSource } from '@codemirror/autocomplete'
import type { RegistryEntry } from '@/api/types'

const WORDS: Record<string, string[]> = {
  on_error: ['fail', 'branch', 'continue'],
  join: ['all', 'any'],
  delivery: ['at_least_once', 'at_most_once'],
  schema: ['millrace/1'],
  backoff: [],
}

/** The member whose string value the cursor is in: `"type": "htt|` gives type and "htt". */
const MEMBER = /"([A-Za-z_]+)"\s*:\s*"([^"\n]*)$/

export const nodeIds = (text: string): string[] => [...new Set([...text.matchAll(/"id"\s*:\s*"([a-z][a-z0-9_]*)"/g)].map((match) => match[1] ?? ''))]

export function optionsFor(member: string, text: string, registry: RegistryEntry[]): Completion[] {
  if (member === 'type') return registry.map(({ type, title }) => ({ label: type, detail: title, type: 'type' }))
  if (member === 'from' || member === 'to' || member === 'undo') return nodeIds(text).map((id) => ({ label: id, type: 'variable' }))
  if (member === 'port') return [...new Set(registry.flatMap(({ ports }) => ports))].map((label) => ({ label, type: 'property' }))
  return (WORDS[member] ?? []).map((label) => ({ label, type: 'enum' }))
}

export const definitionCompletion =
  (registry: RegistryEntry[]): CompletionSource =>
  (context: CompletionContext): CompletionResult | null => {
    const line = context.state.doc.lineAt(context.pos)
    const found = MEMBER.exec(line.text.slice(0, context.pos - line.from))
    if (!found) return null
    const [, member = '', typed = ''] = found
    const options = optionsFor(member, context.state.doc.toString(), registry)
    return options.length > 0 ? { from: context.pos - typed.length, options, validFor: /^[^"\n]*$/ } : null
  }
