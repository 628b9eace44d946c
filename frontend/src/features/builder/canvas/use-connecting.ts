/** Drawing a connection: what is refused says why while the pointer is still down; let go over nothing, a list of step types opens. */
import type { Connection as FlowConnection, Edge, FinalConnectionState } from '@xyflow/react'
import { useCallback } from 'react'
import { refusal } from '../model/connect'
import type { Point } from '../model/edit'
import type { Editor } from '../store/editor'
import type { Target } from '../store/ui-store'

const pointOf = (event: MouseEvent | TouchEvent): Point => {
  const { clientX, clientY } = 'changedTouches' in event ? (event.changedTouches[0] ?? { clientX: 0, clientY: 0 }) : event
  return { x: clientX, y: clientY }
}

/** The step under a point of the screen, wherever in it. */
const stepAt = ({ x, y }: Point): string | null =>
  document.elementsFromPoint(x, y).map((element) => element.closest<HTMLElement>('.react-flow__node')?.dataset.id).find((id) => id !== undefined) ?? null

const asConnection = (from: FlowConnection | Edge) => ({ from: from.source, port: from.sourceHandle ?? 'main', to: from.target })

export function useConnecting(editor: Editor | undefined, pick: (target: Target, screen: Point) => void) {
  const isValidConnection = useCallback(
    (wanted: FlowConnection | Edge): boolean => {
      if (!editor) return false
      const reason = refusal(editor.graph(), asConnection(wanted), editor.entryOf)
      if (editor.ui.getState().refusal !== reason) editor.refuse(reason)
      return reason === null
    },
    [editor],
  )
  const onConnect = useCallback((wanted: FlowConnection) => void editor?.connect(asConnection(wanted)), [editor])
  const onConnectStart = useCallback(() => editor?.refuse(null), [editor])
  const onConnectEnd = useCallback(
    (event: MouseEvent | TouchEvent, state: FinalConnectionState) => {
      if (!editor || state.isValid || state.fromHandle?.type !== 'source' || !state.fromNode) return
      const from = state.fromNode.id
      const port = state.fromHandle.id ?? 'main'
      const screen = pointOf(event)
      const to = state.toNode?.id ?? stepAt(screen)
      // Let go where it began, a click on the handle: nothing was meant.
      if (to === from && state.toHandle === null && state.to && Math.hypot(state.to.x - (state.from?.x ?? 0), state.to.y - (state.from?.y ?? 0)) < 24) return
      if (to !== null) editor.connect({ from, port, to })
      else if (!from.startsWith('trigger:')) pick({ after: from, port }, screen)
    },
    [editor, pick],
  )
  const onReconnect = useCallback((edge: Edge, wanted: FlowConnection) => void editor?.reconnect(edge.id, asConnection(wanted)), [editor])
  return { isValidConnection, onConnect, onConnectStart, onConnectEnd, onReconnect }
}
