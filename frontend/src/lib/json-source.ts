/**
 * JSON text with positions: where a JSON Pointer's value stands in the text, and where the text stops being JSON.
 * Editors use it to put a problem that the API reports by pointer under the right words.
 */
import { parsePointer } from './json-pointer'

export interface Span {
  from: number
  to: number
}

export interface JsonError {
  message: string
  offset: number
}

export type JsonResult = { ok: true; value: unknown; tree: JsonTree } | { ok: false; error: JsonError }

/** A value's place, with the places of what it holds. `key` is the span of a member's name. */
export interface JsonTree extends Span {
  key?: Span
  members?: Map<string, JsonTree>
  items?: JsonTree[]
}

class Stop extends Error {
  readonly offset: number

  constructor(message: string, offset: number) {
    super(message)
    this.offset = offset
  }
}

const MAX_DEPTH = 400
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y

class Reader {
  private at = 0
  private readonly text: string

  constructor(text: string) {
    this.text = text
  }

  document(): JsonTree {
    const tree = this.value(0)
    this.space()
    if (this.at < this.text.length) throw new Stop('Nothing may follow the value', this.at)
    return tree
  }

  private space(): void {
    while (this.at < this.text.length && ' \t\n\r'.includes(this.text.charAt(this.at))) this.at++
  }

  private value(depth: number): JsonTree {
    this.space()
    if (depth > MAX_DEPTH) throw new Stop('This is nested too deeply', this.at)
    const from = this.at
    const char = this.text.charAt(from)
    if (char === '{') return this.object(depth)
    if (char === '[') return this.array(depth)
    if (char === '"') return this.string()
    for (const word of ['true', 'false', 'null']) if (this.text.startsWith(word, from)) return this.take(word.length)
    NUMBER.lastIndex = from
    const number = NUMBER.exec(this.text)
    if (number) return this.take(number[0].length)
    throw new Stop(char === '' ? 'The text ends where a value is expected' : 'A value is expected here', from)
  }

  private take(length: number): JsonTree {
    const from = this.at
    this.at += length
    return { from, to: this.at }
  }

  private string(): JsonTree {
    STRING.lastIndex = this.at
    const found = STRING.exec(this.text)
    if (!found) throw new Stop('This string is not closed, or holds a character that must be escaped', this.at)
    return this.take(found[0].length)
  }

  private object(depth: number): JsonTree {
    const from = this.at++
    const members = new Map<string, JsonTree>()
    this.space()
    if (this.text.charAt(this.at) !== '}') {
      do {
        this.space()
        if (this.text.charAt(this.at) !== '"') throw new Stop('A name in double quotes is expected here', this.at)
        const key = this.string()
        this.space()
        if (this.text.charAt(this.at) !== ':') throw new Stop("A ':' is expected here", this.at)
        this.at++
        members.set(JSON.parse(this.text.slice(key.from, key.to)) as string, { ...this.value(depth + 1), key: { from: key.from, to: key.to } })
      } while (this.more('}'))
    }
    this.at++
    return { from, to: this.at, members }
  }

  private array(depth: number): JsonTree {
    const from = this.at++
    const items: JsonTree[] = []
    this.space()
    if (this.text.charAt(this.at) !== ']') {
      do items.push(this.value(depth + 1))
      while (this.more(']'))
    }
    this.at++
    return { from, to: this.at, items }
  }

  /** After a member or an item: true past a comma, false at the closing bracket. */
  private more(close: string): boolean {
    this.space()
    const char = this.text.charAt(this.at)
    if (char === ',') {
      this.at++
      return true
    }
    if (char !== close) throw new Stop(char === '' ? `The text ends before its '${close}'` : `A ',' or '${close}' is expected here`, this.at)
    return false
  }
}

/** The value of a JSON text with its places, or the first thing wrong with it. Never throws. */
export function readJson(text: string): JsonResult {
  try {
    const tree = new Reader(text).document()
    return { ok: true, value: JSON.parse(text) as unknown, tree }
  } catch (error) {
    if (error instanceof Stop) return { ok: false, error: { message: error.message, offset: error.offset } }
    return { ok: false, error: { message: String(error), offset: 0 } }
  }
}

/** The result of reading a text that was made of this value; the places are worked out when somebody asks for them. */
export function jsonResult(value: unknown, text: string): JsonResult {
  let tree: JsonTree | undefined
  return {
    ok: true,
    value,
    get tree() {
      return (tree ??= new Reader(text).document())
    },
  }
}

/** Where a pointer's value stands. A pointer to something missing gives the name of the nearest thing that holds it. */
export function locate(tree: JsonTree, pointer: string): Span {
  let here = tree
  for (const part of parsePointer(pointer)) {
    const next = here.members?.get(part) ?? here.items?.[/^\d+$/.test(part) ? Number(part) : -1]
    if (!next) return here.key ?? { from: here.from, to: Math.min(here.to, here.from + 1) }
    here = next
  }
  return here.members || here.items ? (here.key ?? { from: here.from, to: here.from + 1 }) : { from: here.from, to: here.to }
}

/** The pointer of the innermost value around an offset: what the cursor is in. */
export function pointerAt(tree: JsonTree, offset: number): (string | number)[] {
  const path: (string | number)[] = []
  let here = tree
  for (;;) {
    const member = [...(here.members ?? [])].find(([, inner]) => (inner.key?.from ?? inner.from) <= offset && offset <= inner.to)
    const index = here.items?.findIndex((item) => item.from <= offset && offset <= item.to) ?? -1
    if (member) {
      path.push(member[0])
      here = member[1]
    } else if (here.items && index >= 0) {
      path.push(index)
      here = here.items[index] as JsonTree
    } else return path
  }
}

/** Line and column, counted from 1. */
export function lineOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset)
  const line = before.split('\n').length
  return { line, column: offset - before.lastIndexOf('\n') }
}

/** The text an editor shows for a value. */
export const prettyJson = (value: unknown): string => JSON.stringify(value, null, 2) ?? 'null'
