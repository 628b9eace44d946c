import { Button } from '@mantine/core'
import { IconArrowsExchange } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { functionsQuery, healthQuery } from '@/api/queries/installation'
import type { Trigger, TriggerTypeEntry } from '@/api/types'
import { expressionCompletion, Preview, type ExpressionScope, type FunctionDoc } from '@/features/expression'
import { SchemaForm, type FormHelp } from '@/features/forms'
import { WorkflowSlugInput } from '@/ui/workflow-slug-input'
import { hasSecret, problemsIn, type TriggerFields } from './model'
import { Presets } from './presets'
import classes from '../trigger-page.module.css'

interface ConfigFieldsProps {
  entry: TriggerTypeEntry
  fields: TriggerFields
  trigger?: Trigger
  problems: Record<string, string>
  onChange: (next: TriggerFields) => void
}

const NO_FUNCTIONS: readonly FunctionDoc[] = []

/** A trigger's settings, drawn from its type's schema; for a new one, with presets to begin with. */
export function ConfigFields({ entry, fields, trigger, problems, onChange }: ConfigFieldsProps) {
  const functions = useQuery(functionsQuery()).data
  const example = entry.presets.find(({ name }) => name === fields.preset)?.example ?? entry.input_example
  const scope = useMemo((): ExpressionScope => ({ nodes: [], input: { sample: example ?? undefined } }), [example])
  const complete = useMemo(() => {
    const docs = () => functions?.map(({ name, method, signatures, summary }) => ({ name, method, signature: signatures[0], description: summary })) ?? NO_FUNCTIONS
    return { cel: expressionCompletion(() => scope, 'cel', docs), template: expressionCompletion(() => scope, 'template', docs) }
  }, [functions, scope])
  return (
    <>
      {trigger ? null : <Presets entry={entry} fields={fields} onChange={onChange} />}
      {entry.type === 'kafka' ? <KafkaState /> : null}
      <SchemaForm
        key={`${entry.type} ${fields.preset}`}
        plain
        schema={entry.config_schema}
        state={{ value: fields.config, memory: {} }}
        problems={problemsIn(problems, '/config')}
        onChange={({ value }) => onChange({ ...fields, config: value })}
        complete={complete}
        preview={(text, language) => <Preview text={text} language={language} scope={scope} />}
        workflowField={(props) => <WorkflowSlugInput {...props} />}
        secretHint={(name) => (hasSecret(trigger) && name === 'secret' ? 'Set; left empty, it stays as it is' : undefined)}
      />
      {problems['/config'] ? (
        <p role="alert" className={classes.wrong}>
          {problems['/config']}
        </p>
      ) : null}
      <Mapping fields={fields} problem={problems['/input'] ?? Object.values(problemsIn(problems, '/input'))[0]} onChange={onChange} complete={complete} />
    </>
  )
}

const MAPPING = {
  type: 'object',
  properties: { input: { title: 'Input mapping', description: 'What the workflow gets in place of what came in, with expressions over input and trigger. Empty: as it came.' } },
}

/** The mapping is rarely needed, so it shows when it is there or asked for. */
function Mapping({ fields, problem, onChange, complete }: Pick<ConfigFieldsProps, 'fields' | 'onChange'> & { problem: string | undefined; complete: FormHelp['complete'] }) {
  const [open, setOpen] = useState(false)
  if (!open && fields.input === undefined) {
    return (
      <Button variant="subtle" color="gray" size="compact-sm" style={{ alignSelf: 'flex-start' }} leftSection={<IconArrowsExchange size={14} />} onClick={() => setOpen(true)} data-testid="add-mapping">
        Map the input
      </Button>
    )
  }
  return (
    <SchemaForm
      schema={MAPPING}
      state={{ value: fields.input === undefined ? {} : { input: fields.input }, memory: {} }}
      problems={problem ? { '/input': problem } : {}}
      onChange={({ value }) => onChange({ ...fields, input: value.input })}
      complete={complete}
    />
  )
}

function KafkaState() {
  const kafka = useQuery(healthQuery()).data?.checks.kafka
  if (!kafka || kafka.status === 'ok') return null
  return (
    <p className={classes.warning} role="status">
      <strong>{kafka.status === 'off' ? 'Kafka is off here.' : 'Kafka does not answer.'}</strong> {kafka.detail}
    </p>
  )
}
