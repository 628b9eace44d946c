/** What the editor of an action holds, and the document it becomes. Pure. */
import type { ActionDocument } from '@/api/types'
import { prettyJson, readJson } from '@/lib/json-source'

export type Way = 'http' | 'function'

/** The parts that are written as JSON, as texts: what does not parse yet stays as it is written. */
export interface JsonTexts {
  config_schema: string
  output: string
  output_schema: string
  example: string
  retry: string
}

export interface ActionFields {
  type: string
  title: string
  description: string
  icon: string
  documentation: string
  way: Way
  http: Record<string, unknown>
  code: { language: 'python' | 'javascript'; source: string }
  texts: JsonTexts
}

const STARTS = {
  python: 'def main(input):\n    return {"greeting": "Hello, " + input["name"]}\n',
  javascript: 'function main(input) {\n  return { greeting: `Hello, ${input.name}` }\n}\n',
}
const SCHEMA = { type: 'object', required: ['name'], properties: { name: { type: 'string', title: 'Name', examples: ['Ada'] } } }

export const NEW_ACTION: ActionFields = {
  type: '',
  title: '',
  description: '',
  icon: '',
  documentation: '',
  way: 'http',
  http: { method: 'GET', url: '', query: { name: '{{ input.name }}' } },
  code: { language: 'python', source: STARTS.python },
  texts: { config_schema: prettyJson(SCHEMA), output: '', output_schema: '', example: '', retry: '' },
}

/** Another language, and its beginning where nothing else was written yet. */
export const withLanguage = (code: ActionFields['code'], language: ActionFields['code']['language']): ActionFields['code'] => ({
  language,
  source: Object.values(STARTS).includes(code.source) || code.source.trim() === '' ? STARTS[language] : code.source,
})

const textOf = (value: unknown): string => (value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0) ? '' : prettyJson(value))

export function fieldsOf(document: ActionDocument): ActionFields {
  const { type, title, description = '', icon = '', documentation = '', http, function: code, config_schema, output, output_schema, example, retry } = document
  return {
    type, title, description, icon, documentation,
    way: code ? 'function' : 'http',
    http: http ?? NEW_ACTION.http,
    code: code ?? NEW_ACTION.code,
    texts: { config_schema: prettyJson(config_schema ?? { type: 'object' }), output: textOf(output), output_schema: textOf(output_schema), example: textOf(example), retry: textOf(retry) },
  }
}

/** Why a text is not the JSON it must be; empty is nothing, and fine. */
export function textProblem(name: keyof JsonTexts, text: string): string | null {
  if (text.trim() === '') return null
  const read = readJson(text)
  if (!read.ok) return `Not JSON yet: ${read.error.message}`
  const free = name === 'output'
  return free || (typeof read.value === 'object' && read.value !== null && !Array.isArray(read.value)) ? null : 'This must be a JSON object'
}

const valueOf = (text: string): unknown => {
  const read = text.trim() === '' ? null : readJson(text)
  return read?.ok ? read.value : undefined
}

/** The schema of the config, once it is one. */
export const schemaOf = ({ texts }: ActionFields): Record<string, unknown> | null =>
  textProblem('config_schema', texts.config_schema) === null ? ((valueOf(texts.config_schema) as Record<string, unknown> | undefined) ?? { type: 'object' }) : null

/** The document to save, or null while some text is not JSON. */
export function documentOf(fields: ActionFields): ActionDocument | null {
  const { type, title, description, icon, documentation, way, http, code, texts } = fields
  if ((Object.entries(texts) as [keyof JsonTexts, string][]).some(([name, text]) => textProblem(name, text) !== null)) return null
  const given = Object.fromEntries((Object.entries(texts) as [string, string][]).map(([name, text]) => [name, valueOf(text)] as const).filter(([, value]) => value !== undefined))
  return {
    type: type.trim(), title: title.trim(), description, icon, documentation,
    ...(way === 'http' ? { http } : { function: code }),
    config_schema: { type: 'object' },
    ...given,
  }
}

/** Messages by field of the editor, from messages by JSON Pointer: those of the call keep their pointers within it. */
export function problemsOf(byPath: Record<string, string>): { call: Record<string, string>; fields: Record<string, string>; rest: string[] } {
  const call: Record<string, string> = {}
  const fields: Record<string, string> = {}
  const rest: string[] = []
  for (const [path, message] of Object.entries(byPath)) {
    const [name = '', ...inner] = path.split('/').slice(1)
    if (name === 'http' && inner.length > 0) call[`/${inner.join('/')}`] = message
    else if (name === '') rest.push(message)
    else fields[name] ??= inner.length > 0 ? `/${inner.join('/')}: ${message}` : message
  }
  return { call, fields, rest }
}
