import { ActionIcon, Button } from '@mantine/core'
import { IconAlertOctagon, IconChevronLeft, IconChevronRight } from '@tabler/icons-react'
import type { NodeRun } from '@/api/types'
import { statusLabel, toneOf } from '@/lib/status'
import { plural } from '@/lib/text'
import classes from './iteration-strip.module.css'

interface IterationStripProps {
  /** The last run of each iteration, in order. */
  runs: readonly NodeRun[]
  at: number
  onChange: (at: number) => void
}

/** A loop's iterations as a strip of small marks, with a way to the next one that failed. */
export function IterationStrip({ runs, at, onChange }: IterationStripProps) {
  const failed = runs.flatMap(({ status }, index) => (status === 'failed' ? [index] : []))
  const next = failed.find((index) => index > at) ?? failed[0]
  const now = runs[at]
  return (
    <div className={classes.strip} data-testid="iterations">
      <div className={classes.head}>
        <ActionIcon size={26} aria-label="Iteration before" disabled={at === 0} onClick={() => onChange(at - 1)}>
          <IconChevronLeft size={15} />
        </ActionIcon>
        <span className="mr-num" role="status">
          Iteration {at + 1} of {runs.length}
          {now?.iteration ? <span className="mr-dim"> · {now.iteration}</span> : null}
        </span>
        <ActionIcon size={26} aria-label="Next iteration" disabled={at >= runs.length - 1} onClick={() => onChange(at + 1)}>
          <IconChevronRight size={15} />
        </ActionIcon>
        {next === undefined ? null : (
          <Button size="compact-xs" variant="default" leftSection={<IconAlertOctagon size={13} color="var(--mr-error)" />} onClick={() => onChange(next)} data-testid="next-failed">
            Next failed ({plural(failed.length, 'failure')})
          </Button>
        )}
      </div>
      <div className={classes.marks}>
        {runs.map((run, index) => (
          <button
            key={index}
            type="button"
            className={classes.mark}
            data-tone={toneOf(run.status)}
            data-status={run.status}
            data-selected={index === at}
            tabIndex={index === at ? 0 : -1}
            aria-label={`Iteration ${index + 1}, ${statusLabel(run.status)}`}
            onClick={() => onChange(index)}
            onKeyDown={(event) => {
              const to = event.key === 'ArrowRight' ? index + 1 : event.key === 'ArrowLeft' ? index - 1 : null
              if (to === null || !runs[to]) return
              event.preventDefault()
              event.stopPropagation()
              onChange(to)
              event.currentTarget.parentElement?.querySelectorAll<HTMLElement>('button')[to]?.focus()
            }}
          />
        ))}
      </div>
    </div>
  )
}
