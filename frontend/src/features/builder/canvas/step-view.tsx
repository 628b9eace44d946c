import { Tooltip } from '@mantine/core'
import { IconAlertTriangleFilled, IconPinFilled, IconPlus } from '@tabler/icons-react'
import { Handle, Position, useUpdateNodeInternals, type NodeProps } from '@xyflow/react'
import { memo, useEffect } from 'react'
import { statusLabel, toneOf } from '@/lib/status'
import { plural } from '@/lib/text'
import { KindTile } from '@/ui/kind-tile'
import { StatusIcon } from '@/ui/status-icon'
import classes from './canvas.module.css'
import { useCanvasActions } from './canvas-context'
import type { StepNode } from './flow-nodes'

/** A step on the canvas: its kind tints the tile, its status owns the border. */
export const StepView = memo(function StepView({ id, data, selected }: NodeProps<StepNode>) {
  const { drawn, status, attempts = 0, errors, warnings, open, change, pinned } = data
  const { ports } = drawn
  const updateInternals = useUpdateNodeInternals()
  const shape = ports.join('\n')
  // Handles that came or went have to be found again, or edges end where they were.
  useEffect(() => updateInternals(id), [id, shape, updateInternals])
  return (
    <div
      className={classes.node}
      data-testid={`node-${id}`}
      data-kind={drawn.kind}
      data-status={status}
      data-change={change}
      data-tone={status ? toneOf(status) : errors > 0 ? 'error' : undefined}
      data-selected={selected}
      data-disabled={drawn.disabled}
    >
      {drawn.isTrigger ? null : <Handle type="target" position={Position.Left} className={classes.handle} data-testid={`in-${id}`} isConnectable={open !== null} />}
      <KindTile icon={drawn.icon} kind={drawn.kind} size={36} />
      <div className={classes.words}>
        <div className={`${classes.title} mr-ellipsis`}>{drawn.title}</div>
        <div className={`${classes.subtitle} mr-ellipsis`}>
          {status ? <span className={classes.word}>{statusLabel(status)}</span> : drawn.disabled && !drawn.isTrigger ? 'Disabled' : null}
          {status || (drawn.disabled && !drawn.isTrigger) ? ' · ' : ''}
          {drawn.subtitle}
        </div>
      </div>
      {pinned ? (
        <span className={classes.slot} role="img" aria-label="Has pinned data">
          <IconPinFilled size={14} color="var(--mr-dim)" />
        </span>
      ) : null}
      <Slot id={id} status={status} attempts={attempts} errors={errors} warnings={warnings} />
      {ports.map((port, index) => (
        <Port key={port} id={id} port={port} top={`${((index + 1) / (ports.length + 1)) * 100}%`} labelled={ports.length > 1} connectable={open !== null} open={open?.includes(port) ?? false} />
      ))}
    </div>
  )
})

interface PortProps {
  id: string
  port: string
  top: string
  labelled: boolean
  connectable: boolean
  open: boolean
}

function Port({ id, port, top, labelled, connectable, open }: PortProps) {
  const { pick } = useCanvasActions()
  return (
    <>
      <Handle id={port} type="source" position={Position.Right} className={classes.handle} style={{ top }} data-port={port} data-testid={`out-${id}-${port}`} isConnectable={connectable}>
        {labelled ? <span className={classes.port}>{port}</span> : null}
      </Handle>
      {open ? (
        <button
          type="button"
          className={`${classes.plus} nodrag nopan`}
          data-labelled={labelled}
          style={{ top }}
          aria-label={`Add a step after ${id}${port === 'main' ? '' : `, by ${port}`}`}
          tabIndex={-1}
          data-testid={`add-${id}-${port}`}
          onClick={(event) => {
            event.stopPropagation()
            pick({ after: id, port }, { x: event.clientX, y: event.clientY })
          }}
        >
          <IconPlus size={13} stroke={2.2} aria-hidden />
        </button>
      ) : null}
    </>
  )
}

/** One place for what matters most: the status of a run, else the problems of the draft. */
function Slot({ id, status, attempts, errors, warnings }: { id: string; status?: string; attempts: number; errors: number; warnings: number }) {
  if (status) {
    const words = attempts > 1 ? `${statusLabel(status)}, attempt ${attempts}` : statusLabel(status)
    return (
      <span className={classes.slot} data-testid={`status-${id}`} data-status={status}>
        {attempts > 1 ? <span className={classes.attempts}>×{attempts}</span> : null}
        <StatusIcon status={status} size={17} label={words} />
      </span>
    )
  }
  if (errors + warnings === 0) return null
  const words = [errors ? plural(errors, 'error') : '', warnings ? plural(warnings, 'warning') : ''].filter(Boolean).join(', ')
  return (
    <Tooltip label={words}>
      <span className={classes.slot} data-tone={errors ? 'error' : 'warning'} data-testid={`issues-${id}`}>
        <IconAlertTriangleFilled size={16} color="var(--tone)" role="img" aria-label={words} />
      </span>
    </Tooltip>
  )
}
