import { Button } from '@mantine/core'
import { IconPin, IconPlayerPlay, IconPlayerTrackNext } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { testAction, type ActionTested } from '@/api/queries/installation'
import type { RegistryEntry } from '@/api/types'
import { valuesOf } from '@/features/expression'
import type { DefinitionNode } from '@/lib/definition'
import { formatDuration } from '@/lib/time'
import { JsonView } from '@/ui/json-view'
import { notifyProblem } from '@/ui/notify'
import { StatusBadge } from '@/ui/status-badge'
import { useBuilder, useUi } from '../builder-context'
import { runTarget } from '../menu/step-menu'
import { scopeFor } from './expression-scope'
import classes from './inspector.module.css'

/** Tries the step once, now, with what is pinned, else with the run that is shown, else with the example input. Its effects are real. */
export function TestStep({ node, entry, onPin }: { node: DefinitionNode; entry: RegistryEntry; onPin: (output: unknown) => void }) {
  const { editor, registry, run, onRunTo } = useBuilder()
  const scope = useUi((state) => state.scope)
  const test = useMutation({
    mutationFn: () => testAction(node.type, { config: node.config ?? {}, context: valuesOf(scopeFor(editor.definition(), scope, node.id, registry, run)) }),
    onError: (error) => notifyProblem(error, 'Not tested'),
  })
  return (
    <div className={classes.settings} style={{ gap: 8 }}>
      <div className={classes.buttons}>
        <Button size="compact-sm" variant="default" leftSection={<IconPlayerPlay size={14} />} loading={test.isPending} onClick={() => test.mutate()} data-testid="test-step">
          Test this step
        </Button>
        {onRunTo ? (
          <Button size="compact-sm" variant="default" leftSection={<IconPlayerTrackNext size={14} />} onClick={() => onRunTo(runTarget(editor, node.id))} data-testid="run-to-here">
            {scope.length > 0 ? 'Run to this loop' : 'Run to here'}
          </Button>
        ) : null}
      </div>
      <p className={classes.hint}>
        The test runs this step once, with pinned data or that of the run shown. “Run to here” runs the draft and stops after it; steps with pinned data do not run.
        {entry.effect === 'effect' ? ' Effects are real.' : ''}
      </p>
      {test.data ? <Result tested={test.data} onPin={onPin} /> : null}
    </div>
  )
}

function Result({ tested, onPin }: { tested: ActionTested; onPin: (output: unknown) => void }) {
  const { status, output, error, duration_ms: took } = tested
  return (
    <div className={classes.settings} style={{ gap: 8 }} role="status" data-testid="test-result" data-status={status}>
      <span style={{ display: 'inline-flex', gap: 8, alignItems: 'center' }}>
        <StatusBadge status={status} /> <span className="mr-dim">{formatDuration(took)}</span>
      </span>
      {error ? (
        <p className={classes.issue} data-tone="error">
          <code>{error.code}</code> {error.message}
        </p>
      ) : null}
      {output === null || output === undefined ? null : (
        <>
          <JsonView title="Test output" value={output} testId="test-output" />
          <Button size="compact-sm" variant="subtle" color="gray" style={{ alignSelf: 'flex-start' }} leftSection={<IconPin size={14} />} onClick={() => onPin(output)} data-testid="pin-test">
            Pin it
          </Button>
        </>
      )}
    </div>
  )
}
