import { useQuery } from '@tanstack/react-query'
import { credentialListQuery } from '@/api/queries/credentials'
import type { Credential } from '@/api/types'

/** Whether a credential is of one of these types or kinds; without any, each does. */
export const fits = ({ kind, type }: Pick<Credential, 'kind' | 'type'>, kinds: readonly string[] = []): boolean => kinds.length === 0 || kinds.includes(kind) || kinds.includes(type)

/** The credentials that fit, read again whenever the window is looked at: one may have been made elsewhere. */
export function useFitting(kinds?: readonly string[]): { fitting: Credential[]; options: { value: string; label: string }[] } {
  const { data } = useQuery({ ...credentialListQuery(), refetchOnWindowFocus: 'always' })
  const fitting = (data?.items ?? []).filter((each) => fits(each, kinds))
  return { fitting, options: fitting.map(({ slug, name, type }) => ({ value: slug, label: `${name} (${type.replaceAll('_', ' ')})` })) }
}
