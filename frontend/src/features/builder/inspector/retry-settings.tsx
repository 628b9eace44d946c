import { Group, NumberInput, Switch, TagsInput } from '@mantine/core'
import type { RegistryEntry } from '@/api/types'
import type { DefinitionNode, RetryPolicy } from '@/lib/definition'
import classes from './inspector.module.css'

interface RetrySettingsProps {
  node: DefinitionNode
  entry: RegistryEntry | undefined
  problem: string | undefined
  onChange: (retry: RetryPolicy | undefined) => void
}

const CLASSES = ['timeout', 'connection', 'rate_limited', 'http.408', 'http.429', 'http.5xx']
const DEFAULTS: Required<Pick<RetryPolicy, 'max_attempts' | 'initial_seconds' | 'backoff' | 'max_seconds'>> = { max_attempts: 3, initial_seconds: 1, backoff: 2, max_seconds: 60 }

/** How a failed attempt is tried again. What is left empty is the type's own. */
export function RetrySettings({ node, entry, problem, onChange }: RetrySettingsProps) {
  const retry = node.retry ?? {}
  const standard = { ...DEFAULTS, ...(entry?.retry as RetryPolicy | null) }
  const set = (change: RetryPolicy) => {
    const next = Object.fromEntries(Object.entries({ ...retry, ...change }).filter(([, value]) => value !== undefined)) as RetryPolicy
    onChange(Object.keys(next).length > 0 ? next : undefined)
  }
  const number = (name: keyof typeof DEFAULTS, label: string, suffix = '') => (
    <NumberInput label={label} value={retry[name] ?? ''} min={name === 'max_attempts' || name === 'backoff' ? 1 : 0} suffix={suffix} placeholder={`${standard[name]}${suffix}`} onChange={(value) => set({ [name]: value === '' ? undefined : Number(value) })} />
  )
  return (
    <fieldset className={classes.group}>
      <legend>Retry</legend>
      <Group grow gap="sm" align="flex-start">
        {number('max_attempts', 'Attempts')}
        {number('initial_seconds', 'First pause', ' s')}
      </Group>
      <Group grow gap="sm" align="flex-start">
        {number('backoff', 'Then times')}
        {number('max_seconds', 'At most', ' s')}
      </Group>
      <TagsInput label="Only after" data={CLASSES} value={retry.on ?? []} placeholder={retry.on?.length ? undefined : 'what usually passes'} onChange={(value) => set({ on: value.length > 0 ? value : undefined })} />
      <TagsInput label="Never after" data={CLASSES} value={retry.not_on ?? []} onChange={(value) => set({ not_on: value.length > 0 ? value : undefined })} />
      <Switch label="Spread the pauses at random" checked={retry.jitter ?? true} onChange={(event) => set({ jitter: event.currentTarget.checked ? undefined : false })} />
      {problem ? <div className={classes.problem}>{problem}</div> : null}
    </fieldset>
  )
}
