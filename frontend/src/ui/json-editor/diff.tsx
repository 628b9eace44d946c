import { json } from '@codemirror/lang-json'
import { MergeView } from '@codemirror/merge'
import { EditorState } from '@codemirror/state'
import { EditorView, lineNumbers } from '@codemirror/view'
import { useEffect, useRef } from 'react'
import classes from './json-editor.module.css'
import { editorTheme } from './theme'

export interface JsonDiffProps {
  before: string
  after: string
  label: string
}

const side = (label: string) => [
  lineNumbers(),
  json(),
  editorTheme,
  EditorState.readOnly.of(true),
  EditorView.lineWrapping,
  EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0' }),
]

/** Two JSON texts side by side, what is equal folded away. */
export default function JsonDiffView({ before, after, label }: JsonDiffProps) {
  const host = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const parent = host.current
    if (!parent) return undefined
    const view = new MergeView({
      a: { doc: before, extensions: side(`${label}: before`) },
      b: { doc: after, extensions: side(`${label}: after`) },
      parent,
      gutter: true,
      collapseUnchanged: { margin: 3, minSize: 6 },
    })
    return () => view.destroy()
  }, [before, after, label])
  return <div ref={host} className={classes.diff} tabIndex={0} role="group" aria-label={label} data-testid="json-diff" />
}
