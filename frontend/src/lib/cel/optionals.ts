/** What the library lacks of optionals: optional entries (`{?'a': input.?a}`, `[?input.?a]`), optMap and optFlatMap, rewritten into what it has. */
import type { Optional } from '@marcbachmann/cel-js'
import { entriesOf, isMap, objectOf } from './values'

export const ENTRY = '\u0000?'
const TOKEN = /[rR]?(?:"""[^]*?"""|'''[^]*?'''|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|\/\/[^\n]*|[A-Za-z_]\w*|\d[\w.]*|\s+|[^]/g

/** `{?k: v}` as f_object({f_entry(k): v}), `[?v]` as f_list([f_element(v)]); everything else stays as it is. */
export function withOptionalEntries(source: string): string {
  if (!/[[{,]\s*\?/.test(source)) return source
  const tokens = source.match(TOKEN) ?? []
  const out: string[] = []
  const open: { at: number; kind: string; optional: boolean; pending: boolean }[] = []
  let before = ''
  for (const token of tokens) {
    const holder = open.at(-1)
    const starts = holder !== undefined && holder.kind !== '(' && (before === ',' || (before === holder.kind && holder.at === lastSolid(out)))
    if (token === '?' && starts) {
      holder.optional = holder.pending = true
      out.push(holder.kind === '{' ? 'entry(' : 'element(')
    } else if ('([{'.includes(token)) {
      const index = token === '[' && /[\w)\]}"']$/.test(before)
      open.push({ at: out.length, kind: index ? '(' : token, optional: false, pending: false })
      out.push(token)
    } else {
      const closes = ')]}'.includes(token)
      if (holder?.pending && (closes || token === ',' || (token === ':' && holder.kind === '{'))) {
        out.push(')')
        holder.pending = false
      }
      out.push(token)
      if (closes && open.pop()?.optional && holder) {
        out[holder.at] = `${holder.kind === '{' ? 'object' : 'list'}(${holder.kind}`
        out.push(')')
      }
    }
    if (token.trim()) before = token
  }
  return out.join('')
}

function lastSolid(out: string[]): number {
  let at = out.length - 1
  while (at >= 0 && !out[at]?.trim()) at -= 1
  return at
}

interface Tree {
  op?: string
  args?: unknown
  start?: number
  end?: number
}

function findMap(node: unknown): Tree | null {
  if (typeof node !== 'object' || node === null) return null
  if (Array.isArray(node)) return node.reduce<Tree | null>((found, each) => found ?? findMap(each), null)
  const tree = node as Tree
  const inside = findMap(tree.args)
  if (inside) return inside
  const name = tree.op === 'rcall' ? (tree.args as unknown[])[0] : ''
  return name === 'optMap' || name === 'optFlatMap' ? tree : null
}

/** `x.optMap(v, e)` as `x.hasValue() ? optional.of(cel.bind(v, x.value(), e)) : optional.none()`, innermost first. */
export function withOptionalMaps(source: string, parse: (text: string) => unknown): string {
  let text = source
  while (/\.opt(Flat)?Map\s*\(/.test(text)) {
    const found = findMap(parse(text))
    if (!found) return text
    const [name, on, [variable, body]] = found.args as [string, Tree, [Tree, Tree]]
    const part = (tree: Tree): string => text.slice(tree.start, tree.end)
    const bound = `cel.bind(${part(variable)}, (${part(on)}).value(), ${part(body)})`
    const made = `((${part(on)}).hasValue() ? ${name === 'optMap' ? `optional.of(${bound})` : bound} : optional.none())`
    text = text.slice(0, found.start) + made + text.slice(found.end)
  }
  return text
}

const isEntry = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && ENTRY in value

/** An element that was optional: its value, or nothing. */
export function present(element: unknown): unknown[] {
  if (!isEntry(element)) return [element]
  const value = element[ENTRY] as Optional
  return value.hasValue() ? [value.value()] : []
}

/** An object without the optional entries that have no value. */
export function withoutAbsent(value: unknown): unknown {
  return objectOf(
    entriesOf(value).flatMap(([name, inner]): [string, unknown][] => {
      if (!name.startsWith(ENTRY)) return [[name, inner]]
      const optional = inner as Optional
      return optional.hasValue() ? [[name.slice(ENTRY.length), optional.value()]] : []
    }),
  )
}

/** Whether ofNonZeroValue makes nothing of it. */
export const isZero = (value: unknown): boolean =>
  value === null || value === '' || value === 0n || value === 0 || value === false || (Array.isArray(value) && value.length === 0) || (isMap(value) && entriesOf(value).length === 0)
