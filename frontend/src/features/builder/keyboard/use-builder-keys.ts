/** The builder's keys and its clipboard. Nothing here happens while somebody types in a field, or while a dialog is open. */
import { useEffect } from 'react'
import { notifyProblem } from '@/ui/notify'
import type { Editor } from '../store/editor'

export const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || target.closest('[contenteditable="true"]') !== null || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))

const elsewhere = (target: EventTarget | null): boolean => isTyping(target) || document.querySelector('[role="dialog"]') !== null

const GO_PAUSE = 1_200

const ARROWS: Record<string, [number, number]> = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10] }

/** Whether the focus is on something that takes these keys itself: a button for Enter, a tree or tabs for arrows. */
const owned = (event: KeyboardEvent): boolean => {
  if (!(event.target instanceof HTMLElement)) return false
  if (event.target.closest('[role="tree"], [role="listbox"], [role="menu"], [role="radiogroup"], [role="tablist"], .mr-own-keys') !== null) return true
  return (event.key === 'Enter' || event.key === ' ') && event.target.closest('button, a, [role="button"]') !== null
}

export function useBuilderKeys(editor: Editor): void {
  useEffect(() => {
    let leading = 0
    const onKey = (event: KeyboardEvent) => {
      // `g` and a letter lead to another page; that letter means nothing here.
      const led = Date.now() - leading < GO_PAUSE
      leading = event.key === 'g' && !event.ctrlKey && !event.metaKey ? Date.now() : 0
      if (led) return
      if (elsewhere(event.target) || event.defaultPrevented) return
      if (owned(event) && !(event.ctrlKey || event.metaKey)) return
      if (handle(editor, event)) event.preventDefault()
    }
    const clip = (event: ClipboardEvent) => {
      if (elsewhere(event.target) || (document.getSelection()?.toString() ?? '') !== '') return
      const text = editor.copy()
      if (text === null || !event.clipboardData) return
      event.clipboardData.setData('text/plain', text)
      event.preventDefault()
      if (event.type === 'cut') editor.remove()
    }
    const paste = (event: ClipboardEvent) => {
      if (elsewhere(event.target)) return
      const text = event.clipboardData?.getData('text/plain') ?? ''
      if (text.trim() === '') return
      event.preventDefault()
      if (!editor.pasteText(text, editor.ui.getState().pointer)) notifyProblem(new Error('Steps that were copied, an exported workflow, or a curl command can be pasted here.'), 'Nothing to paste')
    }
    window.addEventListener('keydown', onKey)
    document.addEventListener('copy', clip)
    document.addEventListener('cut', clip)
    document.addEventListener('paste', paste)
    return () => {
      window.removeEventListener('keydown', onKey)
      document.removeEventListener('copy', clip)
      document.removeEventListener('cut', clip)
      document.removeEventListener('paste', paste)
    }
  }, [editor])
}

/** True when the key meant something. */
function handle(editor: Editor, event: KeyboardEvent): boolean {
  const { nodes, notes, opened, picker } = editor.ui.getState()
  const command = event.ctrlKey || event.metaKey
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
  if (command) {
    if (key === 'z') return done(event.shiftKey ? editor.redo : editor.undo)
    if (key === 'y') return done(editor.redo)
    if (key === 'a') return done(editor.selectAll)
    if (key === 'd') return done(editor.duplicate)
    if (key === 'g') return done(() => editor.addNote('group'))
    return false
  }
  if (event.altKey) return false
  const arrow = ARROWS[event.key]
  if (arrow && nodes.length + notes.length > 0) {
    const times = event.shiftKey ? 5 : 1
    return done(() => editor.nudge(arrow[0] * times, arrow[1] * times))
  }
  if (event.shiftKey && key !== '?') return false
  if (key === 'Delete' || key === 'Backspace') return done(() => editor.remove())
  if (key === 'Enter') return openFocused(editor, event)
  if (key === 'Escape') {
    if (picker) return done(() => editor.ui.setState({ picker: null }))
    if (opened !== null) return done(() => editor.open(null))
    return done(() => editor.select({}))
  }
  if (key === 'a') return done(() => pickBeside(editor))
  if (key === 'd' && nodes.length > 0) return done(editor.toggleDisabled)
  if (key === 'n') return done(() => editor.addNote('note'))
  return false
}

function openFocused(editor: Editor, event: KeyboardEvent): boolean {
  const focused = event.target instanceof HTMLElement ? event.target.closest<HTMLElement>('.react-flow__node')?.dataset.id : undefined
  const id = focused ?? editor.ui.getState().nodes[0]
  if (id === undefined) return false
  editor.select({ nodes: [id] })
  editor.open(id)
  return true
}

/** The list of types for the step after the chosen one, beside it on the screen. */
function pickBeside(editor: Editor): void {
  const { nodes } = editor.ui.getState()
  const element = nodes[0] === undefined ? null : document.querySelector(`.react-flow__node[data-id="${nodes[0]}"]`)
  const box = (element ?? document.querySelector('.react-flow'))?.getBoundingClientRect()
  const screen = box ? { x: element ? box.right : box.left + box.width / 2 - 150, y: box.top + box.height / 2 } : { x: 300, y: 200 }
  const chosen = nodes[0] === undefined ? undefined : editor.node(nodes[0])
  const port = chosen ? editor.openPort(chosen) : null
  editor.ui.setState({ picker: { target: chosen && port !== null ? { after: chosen.id, port } : { end: true }, screen } })
}

function done(act: () => unknown): true {
  act()
  return true
}
