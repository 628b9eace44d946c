import { MultiSelect, PasswordInput, Select, TextInput } from '@mantine/core'
import type { ApiFields } from './model'
import { METHODS } from './model'

export interface FormProps<Fields> {
  fields: Fields
  onChange: (next: Partial<Fields>) => void
  problems: Record<string, string>
  editing: boolean
}

const AUTH = [
  { value: 'open', label: 'Anyone who knows the URL' },
  { value: 'api_key', label: 'An API key of this workspace' },
  { value: 'hmac', label: 'A signature (HMAC-SHA256)' },
  { value: 'standard_webhooks', label: 'A signature (Standard Webhooks)' },
]

export function ApiForm({ fields, onChange, problems, editing }: FormProps<ApiFields>) {
  const signed = fields.auth === 'hmac' || fields.auth === 'standard_webhooks'
  return (
    <>
      <TextInput
        label="Path"
        description={editing ? 'The last part of the URL.' : 'The last part of the URL. Left empty, 22 random characters that nobody can guess.'}
        placeholder="orders"
        value={fields.path}
        onChange={(event) => onChange({ path: event.currentTarget.value })}
        error={problems['/config/path']}
        data-testid="api-path"
      />
      <MultiSelect label="Methods" data={METHODS} value={fields.methods} onChange={(methods) => onChange({ methods })} error={problems['/config/methods']} />
      <Select
        label="Who may call"
        data={AUTH}
        value={fields.auth}
        onChange={(auth) => onChange({ auth: auth ?? 'open' })}
        allowDeselect={false}
        description={fields.auth === 'open' ? 'Fine for a path nobody can guess; else ask for a key or a signature.' : undefined}
        error={problems['/config/auth'] ?? problems['/config/auth/type']}
        data-testid="api-auth"
      />
      {fields.auth === 'hmac' ? (
        <TextInput
          label="Signature header"
          placeholder="x-hub-signature-256"
          value={fields.header}
          onChange={(event) => onChange({ header: event.currentTarget.value })}
          error={problems['/config/auth/header']}
        />
      ) : null}
      {signed ? (
        <PasswordInput
          label="Secret"
          description={editing ? 'Left empty, the secret stays as it is.' : 'At least 8 characters; it is never shown again.'}
          value={fields.secret}
          onChange={(event) => onChange({ secret: event.currentTarget.value })}
          error={problems['/config/auth/secret']}
          autoComplete="off"
          data-testid="api-secret"
        />
      ) : null}
      <TextInput
        label="Dedupe key"
        description="CEL over input and trigger: calls with the same value start one execution. An Idempotency-Key header goes first."
        placeholder="trigger.headers['x-github-delivery']"
        value={fields.dedupe_key}
        onChange={(event) => onChange({ dedupe_key: event.currentTarget.value })}
        error={problems['/config/dedupe_key']}
        styles={{ input: { fontFamily: 'var(--mr-mono)', fontSize: 'var(--mr-mono-size)' } }}
      />
    </>
  )
}
