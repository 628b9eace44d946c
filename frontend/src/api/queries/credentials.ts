/** Credentials. Their secrets only ever go in. */
import { queryOptions } from '@tanstack/react-query'
import { api } from '../client'
import type { Credential, CredentialDetail, CredentialTested, CredentialType, Page } from '../types'

export const credentialKeys = { all: ['credentials'] as const }

export const credentialListQuery = () =>
  queryOptions({ queryKey: [...credentialKeys.all, 'list'], queryFn: ({ signal }) => api.get<Page<Credential>>('/credentials', { limit: 200 }, signal) })

export const credentialQuery = (id: string) =>
  queryOptions({ queryKey: [...credentialKeys.all, 'one', id], queryFn: ({ signal }) => api.get<CredentialDetail>(`/credentials/${id}`, undefined, signal) })

export const credentialTypesQuery = () =>
  queryOptions({
    queryKey: [...credentialKeys.all, 'types'],
    queryFn: async ({ signal }) => (await api.get<Page<CredentialType>>('/credentials/types', undefined, signal)).items,
    staleTime: 5 * 60_000,
  })

export interface CredentialBody {
  name?: string
  type?: string
  data?: Record<string, unknown>
  hosts?: string[]
}

export const createCredential = (body: CredentialBody) => api.post<Credential>('/credentials', body)
export const patchCredential = (id: string, body: CredentialBody) => api.patch<Credential>(`/credentials/${id}`, body)
export const deleteCredential = (id: string) => api.delete(`/credentials/${id}`)
export const testCredential = (id: string, url?: string) => api.post<CredentialTested>(`/credentials/${id}/test`, url ? { url } : {})
export const authorizeCredential = (id: string) => api.post<{ authorization_url: string; redirect_uri: string }>(`/credentials/${id}/authorize`, {})
