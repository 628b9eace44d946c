/**
 * Dragging a step type onto the canvas with pointer events (HTML5 drag and drop knows no touch and draws what it likes). Let go over an edge it goes into
 * the edge, over an open way out it follows there, anywhere else on the canvas it stands where it was let go.
 */
import { useRef } from 'react'
import type { RegistryEntry } from '@/api/types'
import type { Editor } from '../store/editor'
import type { Target } from '../store/ui-store'
import { canvasPoint, DROP } from './drop-place'

const THRESHOLD = 5
const NEAR = 14

/** What lies under a point of the screen. */
export function targetAt(x: number, y: number): Target | null {
  const under = document.elementsFromPoint(x, y)
  if (!under.some((element) => element.closest(DROP))) return null
  const plus = under.map((element) => element.closest<HTMLElement>('[data-testid^="add-"]')).find(Boolean)
  const handle = under.map((element) => element.closest<HTMLElement>('.react-flow__handle.source')).find(Boolean)
  if (handle?.dataset.nodeid && !handle.dataset.nodeid.startsWith('trigger:')) return { after: handle.dataset.nodeid, port: handle.dataset.handleid ?? 'main' }
  if (plus) {
    const [, id = '', port = 'main'] = /^add-([a-z0-9_]+)-(.*)$/.exec(plus.dataset.testid ?? '') ?? []
    return { after: id, port }
  }
  for (const [dx, dy] of [[0, 0], [0, NEAR], [0, -NEAR], [NEAR, 0], [-NEAR, 0]] as const) {
    const edge = document.elementsFromPoint(x + dx, y + dy).map((element) => element.closest<HTMLElement>('.react-flow__edge.selectable')).find(Boolean)
    const inserted = document.elementsFromPoint(x + dx, y + dy).map((element) => element.closest<HTMLElement>('[data-testid^="ins-"]')).find(Boolean)
    const id = edge?.dataset.id ?? inserted?.dataset.testid?.slice(4)
    if (id !== undefined) return { edge: id }
  }
  const at = canvasPoint(x, y)
  return at ? { at: { x: at.x - 116, y: at.y - 30 } } : null
}

export function useDragOut(entry: RegistryEntry, editor: Editor, instead?: () => void) {
  const began = useRef<{ x: number; y: number; ghost: HTMLElement | null } | null>(null)

  const finish = () => {
    began.current?.ghost?.remove()
    began.current = null
    document.querySelectorAll('[data-drop="true"]').forEach((element) => element.removeAttribute('data-drop'))
  }

  return {
    onPointerDown: (event: React.PointerEvent<HTMLElement>) => {
      if (event.button !== 0 || !event.isPrimary) return
      began.current = { x: event.clientX, y: event.clientY, ghost: null }
      event.currentTarget.setPointerCapture(event.pointerId)
    },
    onPointerMove: (event: React.PointerEvent<HTMLElement>) => {
      const start = began.current
      if (!start) return
      if (!start.ghost && Math.hypot(event.clientX - start.x, event.clientY - start.y) < THRESHOLD) return
      start.ghost ??= makeGhost(event.currentTarget)
      start.ghost.style.translate = `${event.clientX - 116}px ${event.clientY - 30}px`
      markTarget(targetAt(event.clientX, event.clientY))
    },
    onPointerUp: (event: React.PointerEvent<HTMLElement>) => {
      const dragged = began.current?.ghost !== null && began.current !== null
      const target = dragged ? targetAt(event.clientX, event.clientY) : null
      finish()
      if (!dragged) return
      // The click that follows is the end of the drag, not another wish.
      event.currentTarget.addEventListener('click', (click) => click.preventDefault(), { once: true, capture: true })
      if (target && instead) instead()
      else if (target) editor.add(entry.type, target)
    },
    onPointerCancel: finish,
    onLostPointerCapture: () => began.current && finish(),
  }
}

function makeGhost(item: HTMLElement): HTMLElement {
  const ghost = item.cloneNode(true) as HTMLElement
  ghost.removeAttribute('data-testid')
  ghost.setAttribute('aria-hidden', 'true')
  Object.assign(ghost.style, { position: 'fixed', left: '0', top: '0', width: '232px', zIndex: '400', pointerEvents: 'none', background: 'var(--mr-surface)', border: '1px solid var(--mr-primary-text)', boxShadow: 'var(--mr-shadow-float)', opacity: '0.95' })
  document.body.append(ghost)
  return ghost
}

/** Shows where it would go: the edge it would be put into. */
function markTarget(target: Target | null): void {
  document.querySelectorAll('[data-drop="true"]').forEach((element) => element.removeAttribute('data-drop'))
  if (target && 'edge' in target) document.querySelector(`.react-flow__edge[data-id="${CSS.escape(target.edge)}"]`)?.setAttribute('data-drop', 'true')
}
