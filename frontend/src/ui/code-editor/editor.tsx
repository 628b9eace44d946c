import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, type CompletionSource } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { bracketMatching, indentOnInput, indentUnit } from '@codemirror/language'
import { Compartment, EditorState, type Extension } from '@codemirror/state'
import { drawSelection, EditorView, highlightSpecialChars, keymap, lineNumbers, placeholder as placeholderText } from '@codemirror/view'
import { useEffect, useRef, type RefObject } from 'react'
import { editorTheme } from '../json-editor/theme'
import classes from './code-editor.module.css'
import { languageOf } from './languages'

export type CodeLanguage = 'cel' | 'template' | 'python' | 'javascript' | 'json' | 'text'

export interface CodeEditorProps {
  value: string
  onChange?: (text: string) => void
  onBlur?: () => void
  label: string
  language: CodeLanguage
  completion?: CompletionSource
  placeholder?: string
  minHeight?: number
  maxHeight?: number
  numbers?: boolean
  invalid?: boolean
  /** The id of what describes it: help and problem. */
  describedBy?: string
  /** Read when the editor comes: whether it takes over from a field in which somebody was typing. */
  takesOver?: RefObject<boolean>
  testId?: string
}

const basics = (numbers: boolean): Extension => [
  numbers ? lineNumbers() : [],
  highlightSpecialChars(),
  history(),
  drawSelection(),
  indentUnit.of('    '),
  indentOnInput(),
  bracketMatching(),
  closeBrackets(),
  EditorView.lineWrapping,
  keymap.of([...closeBracketsKeymap, ...completionKeymap, ...defaultKeymap, ...historyKeymap]),
  editorTheme,
]

export default function CodeEditorView(props: CodeEditorProps) {
  const { value, language, completion, label, placeholder, minHeight = 34, maxHeight = 320, numbers = false, invalid, describedBy, testId } = props
  const host = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView | null>(null)
  const now = useRef(props)
  const parts = useRef({ language: new Compartment(), attributes: new Compartment() })
  useEffect(() => {
    now.current = props
  })

  useEffect(() => {
    const parent = host.current
    if (!parent) return undefined
    const complete: CompletionSource = (context) => now.current.completion?.(context) ?? null
    const editor = new EditorView({
      parent,
      state: EditorState.create({
        doc: now.current.value,
        extensions: [
          basics(numbers),
          // Above CodeMirror's own Escape, which would let the key through to the page when no list is open.
          autocompletion(completion ? { override: [complete], icons: false, maxRenderedOptions: 60 } : {}),
          placeholder ? placeholderText(placeholder) : [],
          parts.current.language.of([]),
          parts.current.attributes.of([]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged && update.state.doc.toString() !== now.current.value) now.current.onChange?.(update.state.doc.toString())
            if (update.focusChanged && !update.view.hasFocus) now.current.onBlur?.()
          }),
        ],
      }),
    })
    view.current = editor
    if (now.current.takesOver?.current) {
      // At the end, or within braces that closed themselves.
      const { doc } = editor.state
      editor.dispatch({ selection: { anchor: /^\{\{\s*\}\}$/.test(doc.toString()) ? 2 : doc.length } })
      editor.focus()
    }
    return () => {
      editor.destroy()
      view.current = null
    }
    // Made once; what changes later is handed over below.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [])

  useEffect(() => {
    let current = true
    void languageOf(language).then((extension) => {
      if (current) view.current?.dispatch({ effects: parts.current.language.reconfigure(extension) })
    })
    return () => {
      current = false
    }
  }, [language])

  useEffect(() => {
    const attributes = { 'aria-label': label, 'aria-multiline': 'true', role: 'textbox', ...(invalid ? { 'aria-invalid': 'true' } : {}), ...(describedBy ? { 'aria-describedby': describedBy } : {}) }
    view.current?.dispatch({ effects: parts.current.attributes.reconfigure(EditorView.contentAttributes.of(attributes)) })
  }, [label, invalid, describedBy])

  useEffect(() => {
    const editor = view.current
    if (!editor || editor.state.doc.toString() === value) return
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } })
  }, [value])

  return <div ref={host} className={classes.editor} data-invalid={invalid} style={{ minHeight, maxHeight }} data-testid={testId} data-language={language} />
}
