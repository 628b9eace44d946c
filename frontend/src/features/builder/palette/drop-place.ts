/** Where the canvas is, for gestures that begin outside of it. The canvas says so itself while it is there. */
import type { Point } from '../model/edit'

export const DROP = '.react-flow'

let toCanvas: ((screen: Point) => Point) | null = null

/** Told by the canvas; the function given back takes it away again. */
export function offerCanvas(convert: (screen: Point) => Point): () => void {
  toCanvas = convert
  return () => {
    if (toCanvas === convert) toCanvas = null
  }
}

/** Where the first step is well seen; null while there is no canvas. */
export function firstSpot(): Point | null {
  const box = document.querySelector(DROP)?.getBoundingClientRect()
  return box ? canvasPoint(box.left + box.width * 0.38, box.top + box.height * 0.42) : null
}

export const canvasPoint = (x: number, y: number): Point | null => toCanvas?.({ x, y }) ?? null
