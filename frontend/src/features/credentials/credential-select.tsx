import { Select } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { credentialListQuery } from '@/api/queries/credentials'

interface CredentialSelectProps {
  id: string
  value: string
  onChange: (slug: string | undefined) => void
  invalid: boolean
  /** The kinds that fit; without, all. */
  kinds?: string[]
}

const ELSEWHERE = 'new'

/** A credential that fits, by its slug. Making one opens its page in another tab, so that what is being written stays where it is. */
export function CredentialSelect({ id, value, onChange, invalid, kinds }: CredentialSelectProps) {
  const { data } = useQuery({ ...credentialListQuery(), refetchOnWindowFocus: 'always' })
  const fitting = (data?.items ?? []).filter(({ kind }) => !kinds || kinds.length === 0 || kinds.includes(kind))
  const known = fitting.map(({ slug, name, type }) => ({ value: slug, label: `${name} (${type.replaceAll('_', ' ')})` }))
  const listed = value === '' || fitting.some(({ slug, id: own }) => slug === value || own === value)
  return (
    <Select
      id={id}
      value={value === '' ? null : (fitting.find(({ id: own }) => own === value)?.slug ?? value)}
      error={invalid}
      clearable
      searchable
      placeholder={known.length === 0 ? 'None fits yet' : 'Choose a credential'}
      data={[...known, ...(listed ? [] : [{ value, label: `${value} (not found)` }]), { value: ELSEWHERE, label: 'Make a new one…' }]}
      onChange={(next) => (next === ELSEWHERE ? window.open('#/credentials?new=true', '_blank', 'noopener') : onChange(next ?? undefined))}
      data-testid="credential-picker"
    />
  )
}
