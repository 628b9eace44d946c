/** Fields that hold expressions, texts with expressions in them, or code. */
import { useState, type RefObject } from 'react'
import { valueAt, withValueAt } from '@/lib/json-path'
import { formatPointer } from '@/lib/json-pointer'
import { prettyJson, readJson } from '@/lib/json-source'
import { CodeEditor, type CodeLanguage } from '@/ui/code-editor'
import type { WidgetProps } from '.'
import { useForm } from '../form-context'
import classes from '../forms.module.css'
import { holdsExpression } from '../modes'

const textOf = (value: unknown): string => (typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value))

const exampleOf = ({ schema }: WidgetProps): string | undefined => (Array.isArray(schema.examples) && typeof schema.examples[0] === 'string' ? schema.examples[0] : undefined)

/** Bare CEL. */
export function CelField(props: WidgetProps) {
  const { change, complete, preview } = useForm()
  const text = textOf(props.value)
  return (
    <>
      <CodeEditor
        language="cel"
        label={props.label}
        value={text}
        completion={complete?.cel}
        placeholder={exampleOf(props) ?? 'input.total > 100'}
        invalid={props.invalid}
        describedBy={props.describedBy}
        onChange={(next) => change(props.path, next === '' && !props.required ? undefined : next)}
        testId={`cel-${props.path.join('.')}`}
      />
      {preview?.(text, 'cel')}
    </>
  )
}

/** A text in which expressions stand between double braces. It stays one when the last brace is taken out: only the switch makes it fixed. */
export function TemplateField(props: WidgetProps & { takesOver?: RefObject<boolean> }) {
  const { change, complete, preview, state, set } = useForm()
  const text = textOf(props.value)
  const write = (text: string) => {
    const pointer = formatPointer(props.path)
    const next = text === '' ? undefined : text
    const known = state.memory[pointer]
    if (holdsExpression(next) || known?.mode === 'expression') change(props.path, next)
    else set({ value: withValueAt(state.value, props.path, next) as Record<string, unknown>, memory: { ...state.memory, [pointer]: { ...known, mode: 'expression' } } }, props.path)
  }
  return (
    <>
      <CodeEditor
        language="template"
        label={props.label}
        value={text}
        completion={complete?.template}
        placeholder="{{ input.name }}"
        invalid={props.invalid}
        describedBy={props.describedBy}
        onChange={write}
        takesOver={props.takesOver}
        testId={`template-${props.path.join('.')}`}
      />
      {preview?.(text, 'template')}
    </>
  )
}

const LANGUAGES: Record<string, CodeLanguage> = { python: 'python', javascript: 'javascript', json: 'json' }
const STARTS: Record<string, string> = {
  python: 'def main(input):\n    return {"doubled": input["value"] * 2}\n',
  javascript: 'function main(input) {\n  return { doubled: input.value * 2 }\n}\n',
}

export function CodeField(props: WidgetProps) {
  const { change, state } = useForm()
  const chosen = valueAt(state.value, [...props.path.slice(0, -1), 'language'])
  const language = typeof chosen === 'string' ? chosen : 'text'
  return (
    <CodeEditor
      language={LANGUAGES[language] ?? 'text'}
      label={props.label}
      value={textOf(props.value)}
      numbers
      minHeight={language === 'text' ? 80 : 160}
      maxHeight={420}
      placeholder={STARTS[language]}
      invalid={props.invalid}
      describedBy={props.describedBy}
      onChange={(next) => change(props.path, next === '' && !props.required ? undefined : next)}
      testId={`code-${props.path.join('.')}`}
    />
  )
}

/** JSON as it is written; what does not parse yet stays in the field and is said. */
export function JsonField(props: WidgetProps & { placeholder?: string; expressions?: boolean }) {
  const { change, complete } = useForm()
  const [text, setText] = useState<string | null>(null)
  const shown = props.value === undefined ? '' : prettyJson(props.value)
  const now = text ?? shown
  const parsed = now.trim() === '' ? null : readJson(now)
  return (
    <>
      <CodeEditor
        language="json"
        label={`${props.label} as JSON`}
        value={now}
        minHeight={64}
        completion={complete?.template}
        placeholder={props.placeholder}
        invalid={props.invalid || parsed?.ok === false}
        describedBy={props.describedBy}
        onChange={(next) => {
          setText(next)
          const read = next.trim() === '' ? null : readJson(next)
          if (read === null) change(props.path, undefined)
          else if (read.ok) change(props.path, read.value)
          else if (props.expressions && next.trim().startsWith('{{')) change(props.path, next) // no JSON begins so: an expression does
        }}
        onBlur={() => parsed?.ok !== false && setText(null)}
        testId={`json-${props.path.join('.')}`}
      />
      {parsed?.ok === false ? <div className={classes.problem}>Not JSON yet: {parsed.error.message}</div> : null}
    </>
  )
}

export const LiteralField = (props: WidgetProps) => <JsonField {...props} placeholder={'{\n  "type": "object"\n}'} />
