import { Button } from '@mantine/core'
import { IconPlayerPlay } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { testAction } from '@/api/queries/installation'
import { SchemaForm, type FormState } from '@/features/forms'
import { CredentialSelect } from '@/features/credentials'
import { formatDuration } from '@/lib/time'
import { JsonView } from '@/ui/json-view'
import { KindTile } from '@/ui/kind-tile'
import { Section } from '@/ui/page'
import { StatusBadge } from '@/ui/status-badge'
import classes from './custom-actions.module.css'
import { schemaOf, type ActionFields } from './model'

/** The step's form as the builder will draw it. Filled in, it runs what is saved, with real effects. */
export function ActionPreview({ fields, saved }: { fields: ActionFields; saved: string | null }) {
  const [state, setState] = useState<FormState>({ value: {}, memory: {} })
  const schema = schemaOf(fields)
  const run = useMutation({ mutationFn: (type: string) => testAction(type, { config: state.value, context: {} }) })
  const result = run.data
  return (
    <div className={classes.preview}>
      <Section title="As a step" testId="action-preview">
        <div className={classes.stack}>
          <div className={classes.previewHead}>
            <KindTile icon={fields.icon} kind="action" size={36} />
            <div style={{ minWidth: 0 }}>
              <strong className="mr-ellipsis">{fields.title || 'Title'}</strong>
              <div className="mr-dim mr-ellipsis">{fields.description || fields.type || 'What it does'}</div>
            </div>
          </div>
          {schema ? <SchemaForm schema={schema} state={state} onChange={setState} credentialField={(props) => <CredentialSelect {...props} />} /> : <p className="mr-dim">The form is drawn once the config is JSON.</p>}
          <Button variant="default" leftSection={<IconPlayerPlay size={15} />} disabled={saved === null} loading={run.isPending} onClick={() => saved && run.mutate(saved)} data-testid="try-action">
            Try it
          </Button>
          <p className={classes.hint}>{saved === null ? 'Save it first; then it runs once, with what is filled in here.' : 'Runs once with what is filled in here. Its effects are real.'}</p>
          {run.error ? <p className={classes.problem}>{run.error.message}</p> : null}
          {result ? (
            <div className={classes.stack} data-testid="try-result" data-status={result.status}>
              <div className={classes.version}>
                <StatusBadge status={result.status} />
                <span className="mr-dim">{formatDuration(result.duration_ms)}</span>
              </div>
              {result.error ? (
                <p className={classes.problem}>
                  <code>{result.error.code}</code> {result.error.message}
                </p>
              ) : (
                <JsonView title="Output" value={result.output} />
              )}
            </div>
          ) : null}
        </div>
      </Section>
    </div>
  )
}
