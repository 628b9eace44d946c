/** Workspaces, their people, and who changed what in them. */
import { infiniteQueryOptions } from '@tanstack/react-query'
import type { AuditSearch } from '@/lib/audit-search'
import { api } from '../client'
import type { AuditCheck, AuditEntry, Member, Page, Role, Workspace } from '../types'

export const memberKeys = { all: ['members'] as const }
export const workspaceKeys = { all: ['workspaces'] as const }

export const memberListQuery = () =>
  infiniteQueryOptions({
    queryKey: memberKeys.all,
    queryFn: ({ pageParam, signal }) => api.get<Page<Member>>('/members', { limit: 100, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  })

export const addMember = (body: { email: string; role: Role }) => api.post<Member>('/members', body)
export const changeRole = (id: string, role: Role) => api.patch<Member>(`/members/${id}`, { role })
export const removeMember = (id: string) => api.delete(`/members/${id}`)

export const workspaceListQuery = () =>
  infiniteQueryOptions({
    queryKey: workspaceKeys.all,
    queryFn: ({ pageParam, signal }) => api.get<Page<Workspace>>('/workspaces', { limit: 100, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  })

export const createWorkspace = (body: { name: string; slug: string }) => api.post<Workspace>('/workspaces', body)
export const patchWorkspace = (id: string, body: { name?: string; slug?: string }) => api.patch<Workspace>(`/workspaces/${id}`, body)

export const auditListQuery = (filter: AuditSearch) =>
  infiniteQueryOptions({
    queryKey: ['audit', filter],
    queryFn: ({ pageParam, signal }) => api.get<Page<AuditEntry>>('/audit', { ...filter, limit: 50, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  })

/** Computes the log's chain of hashes again. */
export const checkAudit = () => api.get<AuditCheck>('/audit/check')
