import { Tooltip } from '@mantine/core'
import { IconAlertTriangleFilled } from '@tabler/icons-react'
import { Handle, Position, type NodeProps, type Node } from '@xyflow/react'
import { memo } from 'react'
import { statusLabel, toneOf } from '@/lib/status'
import { plural } from '@/lib/text'
import { KindTile } from '@/ui/kind-tile'
import { StatusIcon } from '@/ui/status-icon'
import type { NodeData } from './graph'
import classes from './graph.module.css'

/** A step on the canvas: its kind tints the tile, its status owns the border. */
export const NodeView = memo(function NodeView({ id, data, selected }: NodeProps<Node<NodeData>>) {
  const { drawn, status, attempts = 0, errors, warnings } = data
  const { ports } = drawn
  return (
    <div
      className={classes.node}
      data-testid={`node-${id}`}
      data-kind={drawn.kind}
      data-status={status}
      data-tone={status ? toneOf(status) : errors > 0 ? 'error' : undefined}
      data-selected={selected}
      data-disabled={drawn.disabled}
    >
      {drawn.isTrigger ? null : <Handle type="target" position={Position.Left} className={classes.handle} data-testid={`in-${id}`} isConnectable={false} />}
      <KindTile icon={drawn.icon} kind={drawn.kind} size={36} />
      <div className={classes.words}>
        <div className={`${classes.title} mr-ellipsis`}>{drawn.title}</div>
        <div className={`${classes.subtitle} mr-ellipsis`}>{drawn.subtitle}</div>
      </div>
      <Slot id={id} status={status} attempts={attempts} errors={errors} warnings={warnings} />
      {ports.map((port, index) => {
        const top = `${((index + 1) / (ports.length + 1)) * 100}%`
        return (
          <Handle key={port} id={port} type="source" position={Position.Right} className={classes.handle} style={{ top }} data-port={port} data-testid={`out-${id}-${port}`} isConnectable={false}>
            {ports.length > 1 ? <span className={classes.port}>{port}</span> : null}
          </Handle>
        )
      })}
    </div>
  )
})

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
      <span className={classes.slot} data-tone={errors ? 'error' : 'warning'}>
        <IconAlertTriangleFilled size={16} color="var(--tone)" role="img" aria-label={words} />
      </span>
    </Tooltip>
  )
}
