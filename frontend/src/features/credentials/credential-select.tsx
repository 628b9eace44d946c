import { MultiSelect, Select } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import { useFitting } from './fitting'

const CredentialForm = lazy(() => import('./credential-form'))

interface CommonProps {
  id: string
  invalid: boolean
  /** The types or kinds that fit; without, all. */
  kinds?: string[]
}

interface CredentialSelectProps extends CommonProps {
  value: string
  onChange: (slug: string | undefined) => void
}

const NEW = 'make a new one'

/** A credential that fits, by its slug; or a new one, made in a dialog over what is being written and chosen at once. */
export function CredentialSelect({ id, value, onChange, invalid, kinds }: CredentialSelectProps) {
  const { fitting, options } = useFitting(kinds)
  const [making, setMaking] = useState(false)
  const listed = value === '' || fitting.some(({ slug, id: own }) => slug === value || own === value)
  return (
    <>
      <Select
        id={id}
        value={value === '' ? null : (fitting.find(({ id: own }) => own === value)?.slug ?? value)}
        error={invalid}
        clearable
        searchable
        placeholder={options.length === 0 ? 'None fits yet: make one' : 'Choose a credential'}
        data={[...options, ...(listed ? [] : [{ value, label: `${value} (not found)` }]), { value: NEW, label: 'Make a new one…' }]}
        onChange={(next) => (next === NEW ? setMaking(true) : onChange(next ?? undefined))}
        data-testid="credential-picker"
      />
      <Suspense fallback={null}>{making ? <CredentialForm kinds={kinds} onMade={({ slug }) => onChange(slug)} onClose={() => setMaking(false)} /> : null}</Suspense>
    </>
  )
}

interface CredentialsSelectProps extends CommonProps {
  value: string[]
  onChange: (slugs: string[]) => void
}

/** Several credentials that fit, by their slugs, in the order they were chosen. */
export function CredentialsSelect({ id, value, onChange, invalid, kinds }: CredentialsSelectProps) {
  const { options } = useFitting(kinds)
  const unknown = value.filter((slug) => !options.some((each) => each.value === slug)).map((slug) => ({ value: slug, label: `${slug} (not found)` }))
  return (
    <MultiSelect
      id={id}
      value={value}
      error={invalid}
      clearable
      searchable
      placeholder={value.length > 0 ? undefined : options.length === 0 ? 'None fits yet' : 'None'}
      data={[...options, ...unknown]}
      onChange={onChange}
      data-testid="credentials-picker"
    />
  )
}
