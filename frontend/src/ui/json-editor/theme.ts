import { HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import { EditorView } from '@codemirror/view'
import { tags } from '@lezer/highlight'

const look = EditorView.theme({
  '&': { fontSize: 'var(--mr-mono-size)', backgroundColor: 'var(--mr-surface)', color: 'var(--mr-text)', height: '100%' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mr-mono)', lineHeight: '1.6', letterSpacing: '0', fontVariantLigatures: 'none' },
  '.cm-content': { padding: '8px 0', caretColor: 'var(--mr-text)' },
  '.cm-line': { padding: '0 12px 0 6px' },
  '.cm-cursor': { borderLeftColor: 'var(--mr-text)' },
  '.cm-gutters': { backgroundColor: 'var(--mr-surface)', color: 'var(--mr-dim)', border: '0', paddingLeft: '4px' },
  '.cm-activeLine': { backgroundColor: 'color-mix(in srgb, var(--mr-hover) 60%, transparent)' },
  '.cm-activeLineGutter': { backgroundColor: 'transparent', color: 'var(--mr-text)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    background: 'color-mix(in srgb, var(--mr-primary) 24%, transparent) !important',
  },
  '.cm-matchingBracket': { backgroundColor: 'color-mix(in srgb, var(--mr-primary) 18%, transparent) !important' },
  '.cm-foldPlaceholder': { background: 'var(--mr-hover)', border: '0', color: 'var(--mr-dim)', padding: '0 6px' },
  '.cm-panels': { backgroundColor: 'var(--mr-panel)', color: 'var(--mr-text)', borderColor: 'var(--mr-line)' },
  '.cm-textfield': { backgroundColor: 'var(--mr-surface)', borderColor: 'var(--mr-line)', color: 'var(--mr-text)' },
  '.cm-button': { backgroundImage: 'none', backgroundColor: 'var(--mr-surface)', borderColor: 'var(--mr-line)', color: 'var(--mr-text)' },
  '.cm-tooltip': {
    backgroundColor: 'var(--mr-surface)',
    color: 'var(--mr-text)',
    border: '1px solid var(--mr-line)',
    borderRadius: '8px',
    boxShadow: 'var(--mr-shadow-float)',
    overflow: 'hidden',
  },
  '.cm-tooltip-autocomplete > ul > li': { padding: '3px 10px' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--mr-primary)', color: '#fff' },
  '.cm-completionDetail': { color: 'inherit', opacity: '0.75', fontStyle: 'normal' },
  // The editor's own markers are data: images, which a strict policy refuses.
  '.cm-lint-marker': { content: 'normal', width: '8px', height: '8px', margin: '6px 0 0 3px', borderRadius: '50%' },
  '.cm-lint-marker-error': { content: 'normal', backgroundColor: 'var(--mr-error)' },
  '.cm-lint-marker-warning': { content: 'normal', backgroundColor: 'var(--mr-warning)' },
  '.cm-diagnostic': { padding: '6px 10px', fontFamily: 'var(--mantine-font-family)', fontSize: '13px' },
  '.cm-diagnostic-error': { borderLeft: '3px solid var(--mr-error)' },
  '.cm-diagnostic-warning': { borderLeft: '3px solid var(--mr-warning)' },
  '.cm-lintRange-error': { backgroundImage: 'none', textDecoration: 'underline wavy var(--mr-error) 1px', textUnderlineOffset: '3px' },
  '.cm-lintRange-warning': { backgroundImage: 'none', textDecoration: 'underline wavy var(--mr-warning) 1px', textUnderlineOffset: '3px' },
  '.cm-changedLine, .cm-insertedLine': { backgroundColor: 'color-mix(in srgb, var(--mr-ok) 10%, transparent) !important' },
  '.cm-deletedChunk, &.cm-merge-a .cm-changedLine': { backgroundColor: 'color-mix(in srgb, var(--mr-error) 10%, transparent) !important' },
  '.cm-changedText': { background: 'color-mix(in srgb, var(--mr-ok) 26%, transparent) !important' },
  '&.cm-merge-a .cm-changedText, .cm-deletedChunk .cm-deletedText': { background: 'color-mix(in srgb, var(--mr-error) 26%, transparent) !important' },
  '.cm-collapsedLines': { background: 'var(--mr-hover) !important', color: 'var(--mr-dim)', padding: '4px 12px' },
  '.cm-collapsedLines:before, .cm-collapsedLines:after': { content: '"···" !important' },
})

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--mr-syntax-key)' },
  { tag: tags.string, color: 'var(--mr-syntax-string)' },
  { tag: tags.number, color: 'var(--mr-syntax-number)' },
  { tag: [tags.bool, tags.null], color: 'var(--mr-syntax-word)' },
  { tag: tags.punctuation, color: 'var(--mr-dim)' },
])

/** Colours by the app's variables, so the theme switch needs no new editor. */
export const editorTheme = [look, syntaxHighlighting(colours)]
