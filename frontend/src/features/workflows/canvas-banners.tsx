import { ActionIcon, Button } from '@mantine/core'
import { IconAlertTriangle, IconBan, IconX } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import type { Execution } from '@/api/types'
import { isLive } from '@/lib/status'
import { shortId } from '@/lib/text'
import { Duration, WakeTime } from '@/ui/relative-time'
import { StatusBadge } from '@/ui/status-badge'
import { cancelExecution } from '@/api/queries/executions'
import { notifyProblem } from '@/ui/notify'
import classes from './workflow-page.module.css'

export function BrokenBanner() {
  return (
    <div className={classes.toolbar} role="status">
      <IconAlertTriangle size={15} color="var(--mr-warning)" aria-hidden />
      The JSON has a mistake; this is the last state that could be drawn. A change here replaces it.
    </div>
  )
}

/** The execution whose states and data the canvas shows. */
export function RunBanner({ execution, onClose }: { execution: Execution; onClose: () => void }) {
  const { id, status, version, started_at, finished_at, wake_at, error } = execution
  return (
    <div className={classes.runBar} role="status" data-testid="run-banner">
      <StatusBadge status={status} testId="run-status" />
      <span>
        {version === 'draft' ? 'Draft' : `Version ${version}`}
        {started_at ? (
          <>
            , <Duration from={started_at} to={finished_at} />
          </>
        ) : null}
      </span>
      {status === 'waiting' && wake_at ? <WakeTime at={wake_at} /> : null}
      {error ? <span className={`${classes.runError} mr-ellipsis`}>{error.message}</span> : null}
      <span className={classes.runEnd}>
        <Link to="/executions/$id" params={{ id }} search={{ view: 'graph' }}>
          Exactly what ran ({shortId(id)})
        </Link>
        {isLive(status) ? (
          <Button size="compact-sm" variant="default" leftSection={<IconBan size={14} />} onClick={() => void cancelExecution(id).catch((problem: unknown) => notifyProblem(problem, 'Not cancelled'))}>
            Cancel
          </Button>
        ) : null}
        <ActionIcon aria-label="Stop showing this run" onClick={onClose} data-testid="close-run">
          <IconX size={16} />
        </ActionIcon>
      </span>
    </div>
  )
}
