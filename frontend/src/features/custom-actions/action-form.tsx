import { SegmentedControl, Select, Stack, Textarea, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { actionsQuery } from '@/api/queries/installation'
import { CredentialSelect } from '@/features/credentials'
import { SchemaForm, type FormState } from '@/features/forms'
import { CodeEditor } from '@/ui/code-editor'
import { JsonEditor } from '@/ui/json-editor'
import { KindTile } from '@/ui/kind-tile'
import { ICON_NAMES } from '@/ui/icons/node-icons'
import { Section } from '@/ui/page'
import classes from './custom-actions.module.css'
import { textProblem, withLanguage, type ActionFields, type JsonTexts } from './model'

interface ActionFormProps {
  fields: ActionFields
  onChange: (next: ActionFields) => void
  problems: { call: Record<string, string>; fields: Record<string, string>; rest: string[] }
  /** The type of an action never changes. */
  fixedType: boolean
}

/** The parts of an action, in the order one thinks of them: what it is, what is filled in, what it does, what comes out. */
export function ActionForm({ fields, onChange, problems, fixedType }: ActionFormProps) {
  const change = (next: Partial<ActionFields>) => onChange({ ...fields, ...next })
  const json = (name: keyof JsonTexts, label: string, hint: string, minHeight = 90) => (
    <JsonPart name={name} label={label} hint={hint} minHeight={minHeight} text={fields.texts[name]} problem={problems.fields[name]} onChange={(text) => change({ texts: { ...fields.texts, [name]: text } })} />
  )
  return (
    <>
      {problems.rest.map((message) => (
        <p key={message} className={classes.problem} role="alert">
          {message}
        </p>
      ))}
      <Section title="What it is">
        <Stack gap="md">
          <div className={classes.three}>
            <TextInput label="Title" placeholder="Current weather" value={fields.title} onChange={(event) => change({ title: event.currentTarget.value })} error={problems.fields.title} maxLength={200} data-testid="action-title" />
            <TextInput label="Type" placeholder="weather.current" value={fields.type} disabled={fixedType} onChange={(event) => change({ type: event.currentTarget.value })} error={problems.fields.type} styles={{ input: { fontFamily: 'var(--mr-mono)', fontSize: 'var(--mr-mono-size)' } }} data-testid="action-type" />
            <Select
              label="Icon"
              placeholder="Its kind’s"
              data={ICON_NAMES}
              value={fields.icon || null}
              onChange={(icon) => change({ icon: icon ?? '' })}
              leftSection={<KindTile icon={fields.icon} kind="action" size={20} />}
              renderOption={({ option }) => (
                <span className={classes.heading}>
                  <KindTile icon={option.value} kind="action" size={22} /> {option.label}
                </span>
              )}
              searchable
              clearable
              error={problems.fields.icon}
            />
          </div>
          <TextInput label="Description" placeholder="What it does, in a sentence." value={fields.description} onChange={(event) => change({ description: event.currentTarget.value })} error={problems.fields.description} />
        </Stack>
      </Section>
      <Section title="What is filled in">{json('config_schema', 'Config, as JSON Schema', 'An object. Its properties are the fields of the form, which stands beside this as it will be drawn.', 200)}</Section>
      <Section
        title="What it does"
        aside={
          <SegmentedControl
            size="xs"
            value={fields.way}
            onChange={(way) => change({ way })}
            aria-label="What it does"
            data={[
              { value: 'http', label: 'Calls an API' },
              { value: 'function', label: 'Runs a function' },
            ]}
            data-testid="action-way"
          />
        }
      >
        {fields.way === 'http' ? <Call http={fields.http} onChange={(http) => change({ http })} problems={problems.call} problem={problems.fields.http} /> : <Code code={fields.code} onChange={(code) => change({ code })} problem={problems.fields.function} />}
      </Section>
      <Section title="What comes out">
        <Stack gap="md">
          {json('output', 'Output', 'JSON with expressions over input and response. Left empty: the whole response.')}
          {json('output_schema', 'Output, as JSON Schema', 'What later steps are offered when they name its output.')}
        </Stack>
      </Section>
      <Section title="For those who use it">
        <Stack gap="md">
          <Textarea label="Documentation" description="Markdown." autosize minRows={4} maxRows={16} value={fields.documentation} onChange={(event) => change({ documentation: event.currentTarget.value })} error={problems.fields.documentation} data-testid="action-documentation" />
          {json('example', 'Example', 'A config to begin with.')}
          {json('retry', 'Retries', 'Unless a step says otherwise: {"max_attempts": 3, "initial_seconds": 1}.', 60)}
        </Stack>
      </Section>
    </>
  )
}

interface JsonPartProps {
  name: keyof JsonTexts
  label: string
  hint: string
  text: string
  minHeight: number
  problem: string | undefined
  onChange: (text: string) => void
}

function JsonPart({ name, label, hint, text, minHeight, problem, onChange }: JsonPartProps) {
  const wrong = textProblem(name, text) ?? problem
  return (
    <div>
      <div className={classes.label}>{label}</div>
      <p className={classes.hint}>{hint}</p>
      <JsonEditor value={text} onChange={onChange} label={label} minHeight={minHeight} maxHeight={420} testId={`action-${name}`} />
      {wrong ? (
        <p className={classes.problem} role="note">
          {wrong}
        </p>
      ) : null}
    </div>
  )
}

interface CallProps {
  http: Record<string, unknown>
  onChange: (http: Record<string, unknown>) => void
  problems: Record<string, string>
  problem: string | undefined
}

const PATH = { type: 'object', additionalProperties: true, title: 'Path', description: 'What fills {name} in the URL, encoded, so that no value can add a segment or a query.' }

/** The call, in the form of an HTTP request step; expressions see the config as `input`. */
function Call({ http, onChange, problems, problem }: CallProps) {
  const [memory, setMemory] = useState<FormState['memory']>({})
  const request = useQuery(actionsQuery()).data?.find(({ type }) => type === 'http.request')
  if (!request) return null
  const { method, url, ...rest } = (request.config_schema.properties ?? {}) as Record<string, unknown>
  return (
    <>
      <p className={classes.hint}>
        Expressions see what is filled in as <code>input</code>. Values that are null are left out of query and headers.
      </p>
      <SchemaForm
        schema={{ ...request.config_schema, properties: { method, url, path: PATH, ...rest } }}
        state={{ value: http, memory }}
        onChange={(next) => {
          setMemory(next.memory)
          onChange(next.value)
        }}
        problems={problems}
        credentialField={(props) => <CredentialSelect {...props} />}
      />
      {problem ? <p className={classes.problem}>{problem}</p> : null}
    </>
  )
}

function Code({ code, onChange, problem }: { code: ActionFields['code']; onChange: (code: ActionFields['code']) => void; problem: string | undefined }) {
  return (
    <Stack gap="sm">
      <Select
        label="Language"
        w={180}
        data={[
          { value: 'python', label: 'Python' },
          { value: 'javascript', label: 'JavaScript' },
        ]}
        value={code.language}
        onChange={(language) => onChange(withLanguage(code, language ?? 'python'))}
        allowDeselect={false}
      />
      <div>
        <p className={classes.hint}>
          <code>main(input)</code> is called with what is filled in, in a jail of its own; what it returns is the output.
        </p>
        <CodeEditor language={code.language} label="Source" value={code.source} onChange={(source) => onChange({ ...code, source })} numbers minHeight={220} maxHeight={520} invalid={problem !== undefined} testId="action-source" />
        {problem ? <p className={classes.problem}>{problem}</p> : null}
      </div>
    </Stack>
  )
}
