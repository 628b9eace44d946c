import { Button } from '@mantine/core'
import { IconAlertTriangle, IconRefresh } from '@tabler/icons-react'
import { asProblem } from '@/api/problem'
import classes from './error-panel.module.css'

/** What went wrong with a read, in the API's words, and the way to try again. */
export function ErrorPanel({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const problem = asProblem(error)
  return (
    <div className={classes.panel} role="alert" data-testid="error-panel">
      <IconAlertTriangle size={18} className={classes.icon} aria-hidden />
      <div className={classes.words}>
        <strong>{problem.title}</strong>
        {problem.detail !== problem.title ? <p>{problem.detail}</p> : null}
        {problem.requestId ? <p className={classes.id}>Request {problem.requestId}</p> : null}
      </div>
      {onRetry ? (
        <Button variant="default" leftSection={<IconRefresh size={15} />} onClick={onRetry}>
          Try again
        </Button>
      ) : null}
    </div>
  )
}
