/** A text with expressions between double braces, in parts. Braces and quotes within an expression do not end it. Pure. */

export type Part = { text: string } | { expression: string }

/** Null when a brace is not closed. */
export function partsOf(template: string): Part[] | null {
  const parts: Part[] = []
  let at = 0
  for (;;) {
    const open = template.indexOf('{{', at)
    if (open < 0) {
      if (at < template.length) parts.push({ text: template.slice(at) })
      return parts
    }
    if (open > at) parts.push({ text: template.slice(at, open) })
    const close = endOf(template, open + 2)
    if (close < 0) return null
    parts.push({ expression: template.slice(open + 2, close).trim() })
    at = close + 2
  }
}

function endOf(template: string, from: number): number {
  let depth = 0
  let quote = ''
  for (let at = from; at < template.length; at++) {
    const char = template.charAt(at)
    if (quote !== '') {
      if (char === '\\') at++
      else if (char === quote) quote = ''
    } else if (char === "'" || char === '"') quote = char
    else if (char === '{') depth++
    else if (char === '}' && depth > 0) depth--
    else if (char === '}' && template.charAt(at + 1) === '}') return at
  }
  return -1
}

/** What stands in a longer text for a value: strings as they are, null nothing, all else JSON. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : value === null || value === undefined ? '' : jsonOf(value))

export const jsonOf = (value: unknown): string => JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? Number(inner) : inner)) ?? 'null'

/** Names an expression reads that nothing is known of, so that its failing says nothing: `nodes.x`, `input`, … */
export function unknownNames(expression: string, values: Record<string, unknown>): string[] {
  const plain = expression.replace(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g, (text) => (/^.[a-z][a-z0-9_]*.$/.test(text) ? text : "''"))
  const nodes = (values.nodes ?? {}) as Record<string, unknown>
  const named = [...plain.matchAll(/\bnodes(?:\.([a-z][a-z0-9_]*)|\[['"]([a-z][a-z0-9_]*)['"]\])/g)].map((match) => match[1] ?? match[2] ?? '')
  const missing = named.filter((id) => id in nodes && !(nodes[id] as { output?: unknown })?.output && Object.keys(nodes[id] as object).length === 0)
  const roots = ['input', 'trigger', 'execution', 'item', 'index', 'event'].filter((root) => new RegExp(`(?<![.\\w])${root}\\b`).test(plain) && !(root in values))
  return [...new Set([...missing, ...roots])]
}
