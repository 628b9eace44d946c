import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { payloadsQuery } from '@/api/queries/executions'
import type { NodeRun } from '@/api/types'
import { ErrorPanel } from '@/ui/error-panel'
import { JsonView } from '@/ui/json-view'
import { Loading } from '@/ui/loading'
import classes from './execution-page.module.css'

/** What went into one run of a step and what came out. Very large data is read only when it is asked for. */
export function RunData({ executionId, run }: { executionId: string; run: NodeRun }) {
  const [asked, setAsked] = useState(false)
  const whole = useQuery({ ...payloadsQuery(executionId, run.node_id, run.iteration, run.attempt), enabled: asked && Boolean(run.left_out) })
  if (run.left_out && !asked) {
    return (
      <Button size="compact-sm" variant="default" style={{ alignSelf: 'flex-start' }} onClick={() => setAsked(true)}>
        Load its input and output, which are large
      </Button>
    )
  }
  if (run.left_out && whole.isError) return <ErrorPanel error={whole.error} onRetry={() => void whole.refetch()} />
  if (run.left_out && !whole.data) return <Loading />
  const { input, output } = whole.data ?? run
  return (
    <>
      {input !== null ? <JsonView title="Input" value={input} testId="run-input-view" /> : null}
      {output !== null ? <JsonView title="Output" value={output} testId="run-output-view" /> : null}
    </>
  )
}

/** What the step's code printed. */
export function RunConsole({ lines }: { lines: NodeRun['console'] }) {
  if (!lines || lines.length === 0) return null
  return (
    <div>
      <h3 className={classes.subtitle}>Printed</h3>
      <div className={classes.console} tabIndex={0} role="group" aria-label="What it printed" data-testid="run-console">
        {lines.map(({ level, text }, index) => (
          <div key={index} data-tone={level === 'error' ? 'error' : level === 'warning' ? 'warning' : 'neutral'} data-level={level}>
            {text}
          </div>
        ))}
      </div>
    </div>
  )
}
