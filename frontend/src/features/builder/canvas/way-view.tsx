import { IconPlus } from '@tabler/icons-react'
import { BaseEdge, EdgeLabelRenderer, getBezierPath, type EdgeProps } from '@xyflow/react'
import { memo } from 'react'
import classes from './canvas.module.css'
import { useCanvasActions } from './canvas-context'
import type { FlowEdge } from './flow-nodes'

/** An edge with a plus in its middle. */
export const WayView = memo(function WayView({ id, sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition, markerEnd, data, source, target }: EdgeProps<FlowEdge>) {
  const { pick } = useCanvasActions()
  const [path, x, y] = getBezierPath({ sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition })
  return (
    <>
      <BaseEdge id={id} path={path} markerEnd={markerEnd} interactionWidth={18} />
      {data?.insertable ? (
        <EdgeLabelRenderer>
          <button
            type="button"
            className={`${classes.insert} nodrag nopan`}
            style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}
            aria-label={`Insert a step between ${source} and ${target}`}
            tabIndex={-1}
            data-testid={`ins-${id}`}
            onClick={(event) => {
              event.stopPropagation()
              pick({ edge: id }, { x: event.clientX, y: event.clientY })
            }}
          >
            <IconPlus size={12} stroke={2.4} aria-hidden />
          </button>
        </EdgeLabelRenderer>
      ) : null}
    </>
  )
})
