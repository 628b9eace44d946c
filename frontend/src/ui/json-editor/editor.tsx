import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, type CompletionSource } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { json } from '@codemirror/lang-json'
import { bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit } from '@codemirror/language'
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic } from '@codemirror/lint'
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search'
import { Compartment, EditorState, type Extension } from '@codemirror/state'
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from '@codemirror/view'
import { useEffect, useImperativeHandle, useRef, type Ref } from 'react'
import type { Span } from '@/lib/json-source'
import classes from './json-editor.module.css'
import { editorTheme } from './theme'

export interface EditorProblem extends Span {
  severity: 'error' | 'warning'
  message: string
}

export interface JsonEditorHandle {
  /** Selects a place, scrolls to it and takes the focus. */
  reveal: (span: Span) => void
}

export interface JsonEditorProps {
  value: string
  onChange?: (text: string) => void
  label: string
  readOnly?: boolean
  problems?: EditorProblem[]
  completion?: CompletionSource
  minHeight?: number
  maxHeight?: number | string
  /** Fills its container, which scrolls nothing itself. */
  fill?: boolean
  testId?: string
  ref?: Ref<JsonEditorHandle>
}

const basics: Extension = [
  lineNumbers(),
  foldGutter(),
  highlightActiveLineGutter(),
  history(),
  drawSelection(),
  EditorState.allowMultipleSelections.of(true),
  indentUnit.of('  '),
  indentOnInput(),
  bracketMatching(),
  closeBrackets(),
  highlightActiveLine(),
  highlightSelectionMatches(),
  keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap, ...lintKeymap]),
  json(),
  editorTheme,
]

const within = (length: number) => (problem: EditorProblem): Diagnostic => ({
  from: Math.min(problem.from, length),
  to: Math.min(problem.to, length),
  severity: problem.severity,
  message: problem.message,
})

export default function JsonEditorView(props: JsonEditorProps) {
  const { value, onChange, label, readOnly = false, problems, completion, minHeight = 120, maxHeight, fill, testId, ref } = props
  const host = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView | null>(null)
  const changed = useRef(onChange)
  const completer = useRef(completion)
  const fixed = useRef({ label, readOnly: new Compartment() })

  useEffect(() => {
    changed.current = onChange
    completer.current = completion
  })

  useEffect(() => {
    const parent = host.current
    if (!parent) return undefined
    const editor = new EditorView({
      parent,
      state: EditorState.create({
        doc: value,
        extensions: [
          basics,
          lintGutter(),
          autocompletion({ override: [(context) => completer.current?.(context) ?? null] }),
          fixed.current.readOnly.of(EditorState.readOnly.of(readOnly)),
          EditorView.contentAttributes.of({ 'aria-label': fixed.current.label, tabindex: '0' }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) changed.current?.(update.state.doc.toString())
          }),
        ],
      }),
    })
    view.current = editor
    return () => {
      editor.destroy()
      view.current = null
    }
    // The editor is made once; later values are handed to it below.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [])

  useEffect(() => {
    const editor = view.current
    if (!editor || editor.state.doc.toString() === value) return
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } })
  }, [value])

  useEffect(() => {
    view.current?.dispatch({ effects: fixed.current.readOnly.reconfigure(EditorState.readOnly.of(readOnly)) })
  }, [readOnly])

  useEffect(() => {
    const editor = view.current
    if (editor) editor.dispatch(setDiagnostics(editor.state, (problems ?? []).map(within(editor.state.doc.length))))
  }, [problems, value])

  useImperativeHandle(ref, () => ({
    reveal: ({ from, to }) => {
      const editor = view.current
      if (!editor) return
      const length = editor.state.doc.length
      const selection = { anchor: Math.min(from, length), head: Math.min(to, length) }
      editor.dispatch({ selection, effects: EditorView.scrollIntoView(selection.anchor, { y: 'center' }) })
      editor.focus()
    },
  }))

  const style = fill ? undefined : { minHeight, maxHeight }
  return <div ref={host} className={classes.editor} data-fill={fill} style={style} data-testid={testId} />
}
