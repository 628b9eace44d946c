import { NumberInput, SegmentedControl, Select, Switch, TextInput } from '@mantine/core'
import { IconBraces } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { without } from '@/lib/json-path'
import { formatBytes } from '@/lib/text'
import { formatDuration } from '@/lib/time'
import { LinkButton } from '@/ui/link-button'
import { Section } from '@/ui/page'
import { WorkflowSlugInput } from '@/ui/workflow-slug-input'
import { useDraft, useDraftState } from './draft/use-draft'
import { settingsOf, withSetting, type Concurrency, type WorkflowSettings } from './settings'
import classes from './settings-tab.module.css'

const DAY = 86_400_000

/** What holds for whole executions of this workflow: a part of the draft, live with its next version. What is left empty is not written down. */
export function SettingsTab() {
  const { issues, store } = useDraft()
  const definition = useDraftState((state) => state.definition)
  const settings = settingsOf(definition)
  const set = <Name extends keyof WorkflowSettings>(name: Name, value: WorkflowSettings[Name]) =>
    store.getState().setDefinition(withSetting(definition, name, value), { label: 'Edit the settings', key: `settings ${name}`, within: 1_000 })
  const problem = (name: string) => issues.find(({ path }) => new RegExp(`^(/definition)?/settings/${name}(/|$)`).test(path))?.message
  const { timeout_seconds: timeout, priority = 'normal', on_failure_workflow: failure, retention_days: days, retention_bytes: bytes } = settings
  return (
    <div className={classes.page}>
      <p className={classes.about}>
        A part of the draft: what is changed here holds from the next version that is published.
      </p>
      <div className={classes.columns}>
        <Section title="While it runs">
          <div className={classes.fields}>
            <NumberInput
              label="Timeout of an execution"
              description={timeout ? `Cancelled after ${formatDuration(timeout * 1000)}, waiting included` : 'Seconds; left empty, it may take up to 365 days'}
              placeholder="No timeout"
              suffix=" s"
              min={1}
              thousandSeparator=","
              value={timeout ?? ''}
              onChange={(value) => set('timeout_seconds', numberOf(value))}
              error={problem('timeout_seconds')}
              data-testid="setting-timeout"
            />
            <div>
              <div className={classes.label} id="priority-label">
                Priority
              </div>
              <SegmentedControl
                fullWidth
                value={priority}
                onChange={(value) => set('priority', value === 'normal' ? undefined : (value as WorkflowSettings['priority']))}
                aria-labelledby="priority-label"
                data={[
                  { value: 'low', label: 'Low' },
                  { value: 'normal', label: 'Normal' },
                  { value: 'high', label: 'High' },
                ]}
                data-testid="setting-priority"
              />
              <p className={classes.hint}>Its share of the workers while more is due than they can do: 1, 4 or 16 parts. Nothing starves.</p>
            </div>
            <Field label="When it fails, start" hint="Another workflow, with the failed execution as its input" id="on-failure" problem={problem('on_failure_workflow')}>
              <WorkflowSlugInput id="on-failure" value={failure ?? ''} onChange={(value) => set('on_failure_workflow', value)} invalid={problem('on_failure_workflow') !== undefined} />
            </Field>
          </div>
        </Section>
        <ConcurrencySection value={settings.concurrency} onChange={(value) => set('concurrency', value)} problem={problem} />
        <Section title="History of ended executions">
          <div className={classes.fields}>
            <NumberInput
              label="Kept for"
              description={days ? `What ended before ${new Date(Date.now() - days * DAY).toLocaleDateString()} goes` : "Days; left empty, the installation's retention holds"}
              placeholder="As the installation keeps it"
              suffix=" days"
              min={1}
              max={3650}
              value={days ?? ''}
              onChange={(value) => set('retention_days', numberOf(value))}
              error={problem('retention_days')}
              data-testid="setting-retention-days"
            />
            <NumberInput
              label="At most"
              description={bytes ? `${formatBytes(bytes)}; the oldest go first` : 'Megabytes; left empty, as much as there is'}
              placeholder="No bound"
              suffix=" MB"
              min={1}
              max={1_000_000}
              decimalScale={6}
              thousandSeparator=","
              value={bytes === undefined ? '' : bytes / 1_000_000}
              onChange={(value) => set('retention_bytes', scaled(numberOf(value)))}
              error={problem('retention_bytes')}
              data-testid="setting-retention-bytes"
            />
          </div>
        </Section>
      </div>
      <div>
        <LinkButton to="/workflows/$id/json" from="/workflows/$id" variant="subtle" color="gray" size="compact-sm" leftSection={<IconBraces size={14} />}>
          The input&rsquo;s schema and the output are in the JSON
        </LinkButton>
      </div>
    </div>
  )
}

interface ConcurrencySectionProps {
  value: Concurrency | undefined
  onChange: (value: Concurrency | undefined) => void
  problem: (name: string) => string | undefined
}

function ConcurrencySection({ value, onChange, problem }: ConcurrencySectionProps) {
  return (
    <Section
      title="So many at a time"
      aside={<Switch checked={value !== undefined} onChange={(event) => onChange(event.currentTarget.checked ? { key: 'all' } : undefined)} aria-label="Limit how many run at a time" data-testid="setting-concurrency" />}
    >
      {value === undefined ? (
        <p className={classes.hint}>Any number of executions run beside each other. Switch it on to let only so many run at a time: in all, or of each customer, order or whatever the key says.</p>
      ) : (
        <div className={classes.fields}>
          <TextInput
            label="Of each"
            description={'The key: a text, the same for all, or a template such as {{ input.customer }}'}
            value={value.key}
            onChange={(event) => onChange({ ...value, key: event.currentTarget.value })}
            error={problem('concurrency/key') ?? (value.key === '' ? 'A key is needed' : undefined)}
            styles={{ input: { fontFamily: 'var(--mr-mono)', fontSize: 'var(--mr-mono-size)' } }}
            data-testid="setting-concurrency-key"
          />
          <NumberInput label="Run at a time" min={1} max={10_000} value={value.limit ?? 1} onChange={(limit) => onChange(limit === 1 || limit === '' ? without(value, 'limit') : { ...value, limit: Number(limit) })} error={problem('concurrency/limit')} data-testid="setting-concurrency-limit" />
          <Select
            label="One that finds no place"
            allowDeselect={false}
            value={value.on_limit ?? 'queue'}
            onChange={(choice) => onChange(choice === 'queue' || choice === null ? without(value, 'on_limit') : { ...value, on_limit: choice as Concurrency['on_limit'] })}
            data={[
              { value: 'queue', label: 'Waits until one is free' },
              { value: 'replace', label: 'Cancels the one that runs' },
              { value: 'skip', label: 'Ends at once, cancelled' },
              { value: 'fail', label: 'Ends at once, failed' },
            ]}
            error={problem('concurrency/on_limit')}
          />
        </div>
      )}
    </Section>
  )
}

function Field({ label, hint, id, problem, children }: { label: string; hint: string; id: string; problem?: string; children: ReactNode }) {
  return (
    <div>
      <label className={classes.label} htmlFor={id}>
        {label}
      </label>
      {children}
      {problem ? <p className={classes.problem}>{problem}</p> : <p className={classes.hint}>{hint}</p>}
    </div>
  )
}

const numberOf = (value: string | number): number | undefined => (value === '' || Number.isNaN(Number(value)) ? undefined : Number(value))
const scaled = (megabytes: number | undefined): number | undefined => (megabytes === undefined ? undefined : Math.round(megabytes * 1_000_000))
