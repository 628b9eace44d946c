import { ActionIcon, Button, SegmentedControl } from '@mantine/core'
import { IconAlertTriangle, IconBan, IconX } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import type { Execution } from '@/api/types'
import { isLive } from '@/lib/status'
import { plural, shortId } from '@/lib/text'
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

interface RunBannerProps {
  execution: Execution
  /** How many steps of the draft are not as they were when it ran; null while that is not known. */
  differing: number | null
  /** Whether what ran is shown, in place of the draft. */
  ran: boolean
  onRan: (ran: boolean) => void
  onClose: () => void
}

/** The execution whose states and data the canvas shows. */
export function RunBanner({ execution, differing, ran, onRan, onClose }: RunBannerProps) {
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
      {differing && !ran ? (
        <span className="mr-dim" data-testid="run-differs">
          {plural(differing, 'step')} of the draft {differing === 1 ? 'is' : 'are'} not as it ran
        </span>
      ) : null}
      {status === 'waiting' && wake_at ? <WakeTime at={wake_at} /> : null}
      {error ? <span className={`${classes.runError} mr-ellipsis`}>{error.message}</span> : null}
      <span className={classes.runEnd}>
        {differing || ran ? (
          <SegmentedControl
            size="xs"
            value={ran ? 'ran' : 'draft'}
            onChange={(next) => onRan(next === 'ran')}
            aria-label="Shown on"
            data={[
              { value: 'draft', label: 'On the draft' },
              { value: 'ran', label: 'What ran' },
            ]}
            data-testid="run-shape"
          />
        ) : null}
        <Link to="/executions/$id" params={{ id }}>
          {shortId(id)}
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
