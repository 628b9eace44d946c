/** Dragging: what moves is kept here until it is let go, then it is one gesture. A group takes along what stands in it. */
import type { NodeChange } from '@xyflow/react'
import { useCallback, useRef, useState } from 'react'
import { plural } from '@/lib/text'
import type { Point, Spots } from '../model/edit'
import type { Editor } from '../store/editor'
import type { FlowNode } from './flow-nodes'

const NOTE = 'note:'

export function useDragging(editor: Editor | undefined, nodes: readonly FlowNode[]) {
  const [moving, setMoving] = useState<Spots | null>(null)
  const begun = useRef<{ spots: Spots; riders: Record<string, string[]> } | null>(null)
  const latest = useRef<Spots>({})

  const begin = useCallback(() => {
    const spots = Object.fromEntries(nodes.map(({ id, position }) => [id, position]))
    begun.current = { spots, riders: Object.fromEntries(nodes.filter((node) => node.type === 'note' && node.data.note.kind === 'group').map((group) => [group.id, inside(group, nodes)])) }
    latest.current = {}
  }, [nodes])

  const track = useCallback((changes: readonly NodeChange<FlowNode>[]) => {
    const start = begun.current
    if (!start) return
    const next = { ...latest.current }
    const own = new Set(changes.flatMap((change) => (change.type === 'position' && change.position ? [change.id] : [])))
    for (const change of changes) {
      if (change.type !== 'position' || !change.position) continue
      next[change.id] = change.position
      const from = start.spots[change.id]
      for (const rider of start.riders[change.id] ?? []) {
        const spot = start.spots[rider]
        if (from && spot && !own.has(rider)) next[rider] = { x: spot.x + change.position.x - from.x, y: spot.y + change.position.y - from.y }
      }
    }
    latest.current = next
    setMoving(next)
  }, [])

  const end = useCallback(() => {
    const start = begun.current
    begun.current = null
    const moved = Object.entries(latest.current).filter(([id, { x, y }]) => start?.spots[id]?.x !== x || start.spots[id]?.y !== y)
    if (editor && moved.length > 0) {
      const spots = Object.fromEntries(moved.filter(([id]) => !id.startsWith('trigger:')).map(([id, spot]): [string, Point] => [id.startsWith(NOTE) ? id.slice(NOTE.length) : id, spot]))
      editor.move(spots, { label: `Move ${plural(moved.length, 'step')}` })
    }
    setMoving(null)
  }, [editor])

  return { moving, begin, track, end }
}

function inside(group: FlowNode, nodes: readonly FlowNode[]): string[] {
  const { x, y } = group.position
  const right = x + (group.width ?? 0)
  const bottom = y + (group.height ?? 0)
  return nodes
    .filter((node) => node.id !== group.id && node.position.x >= x && node.position.y >= y && node.position.x + (node.width ?? 0) <= right && node.position.y + (node.height ?? 0) <= bottom)
    .map(({ id }) => id)
}
