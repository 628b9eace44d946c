import type { TablerIcon } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import classes from './empty-state.module.css'

export interface EmptyStateProps {
  icon: TablerIcon
  title: string
  children?: ReactNode
  action?: ReactNode
  /** Where it is the whole page. */
  heading?: 'h1' | 'h2'
}

/** Where nothing is yet: what would stand here, and the one next step. */
export function EmptyState({ icon: Icon, title, children, action, heading: Heading = 'h2' }: EmptyStateProps) {
  return (
    <div className={classes.empty} data-testid="empty-state">
      <span className={classes.icon} aria-hidden>
        <Icon size={22} stroke={1.6} />
      </span>
      <Heading className={classes.title}>{title}</Heading>
      {children ? <div className={classes.body}>{children}</div> : null}
      {action ? <div className={classes.action}>{action}</div> : null}
    </div>
  )
}
