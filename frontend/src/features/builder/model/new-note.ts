/** A new note, or a frame around what is chosen. */
import { snap, type Point } from './edit'
import { freshId } from './ids'
import type { Note } from './scope'

export function newNote(kind: Note['kind'], at: Point, around: readonly Point[], others: readonly Note[]): Note {
  const id = freshId(kind, new Set(others.map((note) => note.id)))
  const box = kind === 'group' && around.length > 0 ? frameAround(around) : { x: snap(at.x), y: snap(at.y), ...(kind === 'note' ? { width: 220, height: 120 } : { width: 360, height: 200 }) }
  return { id, kind, text: kind === 'note' ? '' : 'Group', ...box }
}

const PADDING = { side: 24, top: 44 }

function frameAround(spots: readonly Point[]): { x: number; y: number; width: number; height: number } {
  const left = Math.min(...spots.map(({ x }) => x)) - PADDING.side
  const top = Math.min(...spots.map(({ y }) => y)) - PADDING.top
  const right = Math.max(...spots.map(({ x }) => x)) + 232 + PADDING.side
  const bottom = Math.max(...spots.map(({ y }) => y)) + 90 + PADDING.side
  return { x: snap(left), y: snap(top), width: snap(right - left), height: snap(bottom - top) }
}
