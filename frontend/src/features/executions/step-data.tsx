import { SegmentedControl } from '@mantine/core'
import { useState } from 'react'
import type { Execution } from '@/api/types'
import { JsonView } from '@/ui/json-view'
import { KeyValues } from '@/ui/key-values'
import { Duration } from '@/ui/relative-time'
import { StatusBadge } from '@/ui/status-badge'
import { ErrorNote } from './run-panel'
import { groupRuns } from './waterfall-layout'
import { IterationStrip } from './iteration-strip'

/** What one step did in an execution: its iterations, its attempts, what went in and what came out. */
export function StepData({ execution, nodeId }: { execution: Execution; nodeId: string }) {
  const iterations = groupRuns(execution.nodes.filter(({ node_id }) => node_id === nodeId))
  const [at, setAt] = useState(0)
  const [attempt, setAttempt] = useState<number | null>(null)
  const runs = iterations[Math.min(at, iterations.length - 1)] ?? []
  const run = runs.find((each) => each.attempt === attempt) ?? runs.at(-1)
  if (!run) return <p className="mr-dim">This step has not run in the execution that is shown.</p>
  return (
    <div style={{ display: 'flex', flexDirection: 'column', gap: 12 }} data-testid="step-data">
      {iterations.length > 1 ? <IterationStrip runs={iterations.map((each) => each.at(-1)).filter((each) => each !== undefined)} at={at} onChange={setAt} /> : null}
      {runs.length > 1 ? (
        <SegmentedControl size="xs" value={String(run.attempt)} onChange={(value) => setAttempt(Number(value))} aria-label="Attempt" data={runs.map((each) => ({ value: String(each.attempt), label: `Attempt ${each.attempt}` }))} />
      ) : null}
      <KeyValues
        entries={[
          ['Status', <StatusBadge key="status" status={run.status} />],
          ['Took', run.started_at && run.status !== 'skipped' ? <Duration key="took" from={run.started_at} to={run.finished_at} /> : null],
        ]}
      />
      {run.error ? <ErrorNote error={run.error} /> : null}
      {run.input !== null ? <JsonView title="Input" value={run.input} testId="step-input" /> : null}
      {run.output !== null ? <JsonView title="Output" value={run.output} testId="step-output" /> : null}
    </div>
  )
}
