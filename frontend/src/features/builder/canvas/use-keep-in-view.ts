import { useReducedMotion } from '@mantine/hooks'
import { useReactFlow } from '@xyflow/react'
import { useEffect } from 'react'
import { NODE_HEIGHT, NODE_WIDTH } from '../graph/model'
import type { Spots } from '../model/edit'

const MARGIN = 24
/** The switch of views stands there. */
const TOP = 60
/** How far to the right a step that follows stands at most. */
const NEXT = 360

/** Moves the view, no more than needed, so that a step, and where there is room those that follow it, are neither outside nor under what floats over the canvas. */
export function useKeepInView(stage: React.RefObject<HTMLDivElement | null>, keep: { id: string; right: number } | null, spots: Spots): void {
  const flow = useReactFlow()
  const calm = useReducedMotion()
  const id = keep?.id
  const right = keep?.right ?? 0
  const spot = id === undefined ? undefined : spots[id]
  const x = spot?.x
  const y = spot?.y
  useEffect(() => {
    const host = stage.current
    if (!host || x === undefined || y === undefined || host.clientWidth < 500) return
    const view = flow.getViewport()
    const left = x * view.zoom + view.x
    const top = y * view.zoom + view.y
    const next = Object.values(spots).filter((each) => each.x > x && each.x <= x + NEXT)
    const end = Math.max(x, ...next.map((each) => each.x)) + NODE_WIDTH
    const dx = left < MARGIN ? MARGIN - left : Math.max(MARGIN - left, Math.min(0, host.clientWidth - right - MARGIN - (end * view.zoom + view.x)))
    const dy = shift(top, top + NODE_HEIGHT * view.zoom, TOP, host.clientHeight - MARGIN)
    if (dx !== 0 || dy !== 0) void flow.setViewport({ ...view, x: view.x + dx, y: view.y + dy }, calm ? undefined : { duration: 180 })
    // Once for each step that is opened, not whenever it is dragged.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [id, right, x === undefined])
}

const shift = (from: number, to: number, low: number, high: number): number => (to > high ? high - to : from < low ? low - from : 0)
