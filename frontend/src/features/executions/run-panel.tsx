import { ActionIcon, Button, SegmentedControl } from '@mantine/core'
import { IconBellRinging, IconRotateClockwise, IconX } from '@tabler/icons-react'
import { useState } from 'react'
import type { Execution, NodeRun, RegistryEntry, RunError } from '@/api/types'
import { isLive } from '@/lib/status'
import { JsonView } from '@/ui/json-view'
import { KeyValues } from '@/ui/key-values'
import { KindTile } from '@/ui/kind-tile'
import { Duration, RelativeTime, WakeTime } from '@/ui/relative-time'
import { StatusBadge } from '@/ui/status-badge'
import classes from './execution-page.module.css'
import { IterationStrip } from './iteration-strip'
import { Children, Messages, UndoOutcome } from './related'
import { RunConsole, RunData } from './run-data'
import { useWake } from './use-cancel'
import { useRetry } from './use-retry'

interface RunPanelProps {
  execution: Execution
  runs: NodeRun[]
  /** The runs of every iteration of the same step, in order. */
  iterations: NodeRun[][]
  onIteration: (runs: NodeRun[]) => void
  name: string
  entry: RegistryEntry | undefined
  onClose: () => void
}

/** One step of the execution: each of its attempts with what went in and what came out. */
export function RunPanel({ execution, runs, iterations, onIteration, name, entry, onClose }: RunPanelProps) {
  const [chosen, setChosen] = useState<number | null>(null)
  const run = runs.find(({ attempt }) => attempt === chosen) ?? runs.at(-1)
  const wake = useWake(execution.id)
  const retry = useRetry(execution.id)
  if (!run) return null
  const waits = run.status === 'waiting' && isLive(execution.status)
  return (
    <section className={classes.panel} aria-label={`Step ${name}`} data-testid="run-panel">
      <header className={classes.panelHead}>
        <KindTile icon={entry?.icon} kind={entry?.kind ?? 'action'} size={32} />
        <div className={classes.panelWords}>
          <h2 className="mr-ellipsis">{name}</h2>
          <div className="mr-dim mr-ellipsis">
            {entry?.title ?? run.type} · <code>{run.node_id}</code>
            {run.iteration ? ` · ${run.iteration}` : ''}
          </div>
        </div>
        <ActionIcon aria-label="Close" onClick={onClose}>
          <IconX size={16} />
        </ActionIcon>
      </header>
      <div className={classes.panelBody}>
        {iterations.length > 1 ? (
          <IterationStrip runs={iterations.map((each) => each.at(-1)).filter((each) => each !== undefined)} at={Math.max(0, iterations.findIndex((each) => each[0] === runs[0]))} onChange={(index) => iterations[index] && onIteration(iterations[index])} />
        ) : null}
        {runs.length > 1 ? (
          <SegmentedControl
            size="xs"
            value={String(run.attempt)}
            onChange={(value) => setChosen(Number(value))}
            aria-label="Attempt"
            data={runs.map(({ attempt }) => ({ value: String(attempt), label: `Attempt ${attempt}` }))}
            data-testid="attempts"
          />
        ) : null}
        <KeyValues
          entries={[
            ['Status', <StatusBadge key="status" status={run.status} />],
            ['Started', run.started_at ? <RelativeTime key="at" at={run.started_at} clock /> : null],
            ['Took', run.started_at && run.status !== 'skipped' ? <Duration key="took" from={run.started_at} to={run.finished_at} /> : null],
          ]}
        />
        {waits ? (
          <div className={classes.wake} data-tone="waiting">
            <span>{run.wake_at ? <WakeTime at={run.wake_at} /> : 'waits for something from outside'}</span>
            {run.wake_at ? (
              <Button size="compact-sm" variant="default" leftSection={<IconBellRinging size={14} />} loading={wake.isPending} onClick={() => wake.mutate(run)} data-testid="wake-now">
                Wake now
              </Button>
            ) : null}
          </div>
        ) : null}
        {!isLive(execution.status) && !run.iteration ? (
          <Button size="compact-sm" variant="default" style={{ alignSelf: 'flex-start' }} leftSection={<IconRotateClockwise size={14} />} loading={retry.isPending} onClick={() => retry.mutate(run.node_id)} data-testid="retry-from-here">
            Retry from here
          </Button>
        ) : null}
        {run.error ? <ErrorNote error={run.error} /> : null}
        {run.status === 'skipped' ? <p className="mr-dim">Every way to this step was closed, so it did not run.</p> : null}
        <Children execution={execution} nodeId={run.node_id} />
        <Messages execution={execution} nodeId={run.node_id} />
        <RunConsole lines={run.console} />
        <RunData key={run.attempt} executionId={execution.id} run={run} />
      </div>
    </section>
  )
}

export function ErrorNote({ error, nodeName }: { error: RunError; nodeName?: string }) {
  return (
    <div className={classes.error} role="note" data-testid="run-error">
      <strong>
        {nodeName ? `${nodeName} failed: ` : ''}
        <code>{error.code}</code>
      </strong>
      <div>{error.message}</div>
      {error.class ? <div className="mr-dim">Class {error.class}</div> : null}
    </div>
  )
}

/** The execution as a whole, when no step is chosen. */
export function WholePanel({ execution, names, registry }: { execution: Execution; names: Record<string, string>; registry: RegistryEntry[] }) {
  const waiting = execution.nodes.filter(({ status }) => status === 'waiting')
  const wake = useWake(execution.id)
  return (
    <section className={classes.panel} aria-label="The execution" data-testid="whole-panel">
      <div className={classes.panelBody}>
        {isLive(execution.status)
          ? waiting.map((run) => (
              <div key={run.node_id + (run.iteration ?? '')} className={classes.wake} data-tone="waiting">
                <span>
                  <strong>{names[run.node_id] ?? registry.find(({ type }) => type === run.type)?.title ?? run.node_id}</strong>{' '}
                  {run.wake_at ? <WakeTime at={run.wake_at} /> : 'waits for something from outside'}
                </span>
                {run.wake_at ? (
                  <Button size="compact-sm" variant="default" leftSection={<IconBellRinging size={14} />} loading={wake.isPending} onClick={() => wake.mutate(run)} data-testid={`wake-${run.node_id}`}>
                    Wake now
                  </Button>
                ) : null}
              </div>
            ))
          : null}
        {execution.error ? <ErrorNote error={execution.error} nodeName={execution.error.node_id ? (names[execution.error.node_id] ?? execution.error.node_id) : undefined} /> : null}
        {execution.error?.undo && execution.error.undo.length > 0 ? <UndoOutcome undo={execution.error.undo} names={names} /> : null}
        <Children execution={execution} />
        <Messages execution={execution} />
        {execution.more_nodes ? <p className="mr-dim">Only its first {execution.nodes.length.toLocaleString('en-GB')} steps are shown.</p> : null}
        <JsonView title="Input" value={execution.input} testId="execution-input" />
        {isLive(execution.status) ? null : <JsonView title="Output" value={execution.output} testId="execution-output" />}
        <JsonView title="Trigger" value={execution.trigger} />
      </div>
    </section>
  )
}
