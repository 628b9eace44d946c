/** What of a drawing is seen first. Pure. */

export interface Box {
  position: { x: number; y: number }
  width?: number
  height?: number
}

export interface View {
  x: number
  y: number
  zoom: number
}

/** Below this size words can no longer be read. */
export const READABLE = 0.62
const MARGIN = 40

/** Everything, centred, when it fits at a readable size; else from the leftmost node (the trigger) on, at the smallest readable size. */
export function firstView(boxes: readonly Box[], stage: { width: number; height: number }): View | null {
  const first = boxes.reduce<Box | null>((found, box) => (found === null || box.position.x < found.position.x ? box : found), null)
  if (first === null || stage.width === 0 || stage.height === 0) return null
  const left = first.position.x
  const top = Math.min(...boxes.map(({ position }) => position.y))
  const right = Math.max(...boxes.map(({ position, width = 0 }) => position.x + width))
  const bottom = Math.max(...boxes.map(({ position, height = 0 }) => position.y + height))
  const fit = Math.min((stage.width - 2 * MARGIN) / (right - left), (stage.height - 2 * MARGIN) / (bottom - top), 1)
  const zoom = Math.max(fit, READABLE)
  const x = (right - left) * zoom <= stage.width - 2 * MARGIN ? (stage.width - (left + right) * zoom) / 2 : MARGIN - left * zoom
  const tall = (bottom - top) * zoom > stage.height - 2 * MARGIN
  const middle = tall ? first.position.y + (first.height ?? 0) / 2 : (top + bottom) / 2
  return { x, y: stage.height / 2 - middle * zoom, zoom }
}
