import { statusLabel, toneOf } from '@/lib/status'
import { StatusIcon } from './status-icon'
import classes from './status.module.css'

export interface StatusBadgeProps {
  status: string
  label?: string
  testId?: string
}

/** A status as icon, word and colour. */
export function StatusBadge({ status, label, testId }: StatusBadgeProps) {
  return (
    <span className={classes.badge} data-tone={toneOf(status)} data-status={status} data-testid={testId}>
      <StatusIcon status={status} size={13} />
      {label ?? statusLabel(status)}
    </span>
  )
}
