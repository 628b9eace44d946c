import { Tooltip } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { ExecutionSummary } from '@/api/types'
import { statusLabel, toneOf } from '@/lib/status'
import classes from './run-strip.module.css'

const LENGTH = 20

/** The last runs as a strip, the newest on the right. */
export function RunStrip({ runs }: { runs: ExecutionSummary[] | undefined }) {
  const shown = (runs ?? []).slice(0, LENGTH).reverse()
  if (shown.length === 0) return <span className="mr-dim">{runs ? 'No runs yet' : ''}</span>
  const failed = shown.filter(({ status }) => status === 'failed').length
  return (
    <div className={classes.strip} role="group" aria-label={`Last ${shown.length} runs, ${failed} failed`}>
      {shown.map((run) => (
        <Tooltip key={run.id} label={`${statusLabel(run.status)} · ${new Date(run.created_at).toLocaleString()}`}>
          <Link
            to="/executions/$id"
            params={{ id: run.id }}
            className={classes.run}
            data-tone={toneOf(run.status)}
            data-status={run.status}
            tabIndex={-1}
            aria-label={`${statusLabel(run.status)} execution`}
          />
        </Tooltip>
      ))}
    </div>
  )
}
