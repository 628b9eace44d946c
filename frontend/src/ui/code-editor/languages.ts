/** How expressions are coloured: bare CEL, and texts with CEL between double braces. */
import { HighlightStyle, StreamLanguage, syntaxHighlighting, type StreamParser } from '@codemirror/language'
import type { Extension } from '@codemirror/state'
import { tags } from '@lezer/highlight'

const WORDS = /^(true|false|null|in)\b/
const NAMES = /^[A-Za-z_]\w*/

function celToken(stream: Parameters<StreamParser<unknown>['token']>[0]): string | null {
  if (stream.eatSpace()) return null
  if (stream.match(/^\/\/.*/)) return 'comment'
  if (stream.match(/^[rb]?("""[\s\S]*?"""|'''[\s\S]*?'''|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)/)) return 'string'
  if (stream.match(/^(0x[\da-f]+|\d+\.?\d*(?:e[+-]?\d+)?)u?/i)) return 'number'
  if (stream.match(WORDS)) return 'keyword'
  if (stream.match(NAMES)) return stream.peek() === '(' ? 'function' : 'variableName'
  stream.next()
  return 'operator'
}

const cel = StreamLanguage.define<unknown>({ token: celToken })

const template = StreamLanguage.define<{ inside: boolean }>({
  startState: () => ({ inside: false }),
  token(stream, state) {
    if (!state.inside) {
      if (stream.match('{{')) {
        state.inside = true
        return 'bracket'
      }
      while (!stream.eol() && !stream.match('{{', false)) stream.next()
      return null
    }
    if (stream.match('}}')) {
      state.inside = false
      return 'bracket'
    }
    return celToken(stream)
  },
})

const colours = HighlightStyle.define([
  { tag: tags.string, color: 'var(--mr-syntax-string)' },
  { tag: tags.number, color: 'var(--mr-syntax-number)' },
  { tag: [tags.keyword, tags.bool, tags.null], color: 'var(--mr-syntax-word)' },
  { tag: [tags.variableName, tags.propertyName], color: 'var(--mr-syntax-key)' },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName), tags.definition(tags.variableName)], color: 'var(--mr-kind-data)' },
  { tag: tags.comment, color: 'var(--mr-dim)', fontStyle: 'italic' },
  { tag: tags.bracket, color: 'var(--mr-primary-text)', fontWeight: '600' },
  { tag: tags.operator, color: 'var(--mr-dim)' },
])

/** Program languages are loaded when one is used. */
export async function languageOf(name: string): Promise<Extension> {
  const painted = syntaxHighlighting(colours)
  if (name === 'cel') return [cel, painted]
  if (name === 'template') return [template, painted]
  if (name === 'python') return [(await import('@codemirror/lang-python')).python(), painted]
  if (name === 'javascript') return [(await import('@codemirror/lang-javascript')).javascript(), painted]
  if (name === 'json') return [(await import('@codemirror/lang-json')).json(), painted]
  return []
}
