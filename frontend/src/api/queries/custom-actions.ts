/** Node types of the workspace's own. All types together are `actionsQuery`. */
import { queryOptions } from '@tanstack/react-query'
import { api } from '../client'
import type { ActionDocument, ActionVersion, CustomAction, ImportedAction, Page } from '../types'

export const actionKeys = {
  /** The list of all types, which every canvas and form reads. */
  all: ['registry', 'actions'] as const,
  one: (type: string) => ['registry', 'actions', type] as const,
}

const at = (type: string): string => `/registry/actions/${encodeURIComponent(type)}`

export const customActionQuery = (type: string) =>
  queryOptions({ queryKey: actionKeys.one(type), queryFn: ({ signal }) => api.get<CustomAction>(at(type), undefined, signal) })

export const actionVersionsQuery = (type: string) =>
  queryOptions({
    queryKey: [...actionKeys.one(type), 'versions'],
    queryFn: async ({ signal }) => (await api.get<Page<ActionVersion>>(`${at(type)}/versions`, undefined, signal)).items,
  })

export const createAction = (document: ActionDocument) => api.post<CustomAction>('/registry/actions', document)

/** Replaces the whole document, as a new version; what it leaves out is taken away. */
export const replaceAction = ({ type, ...document }: ActionDocument) => api.patch<CustomAction>(at(type), { ...NOTHING, ...document })

const NOTHING = { description: '', documentation: '', icon: '', http: null, function: null, output: null, output_schema: {}, retry: null, example: {} }

export const deleteAction = (type: string) => api.delete(at(type))
export const exportAction = (type: string) => api.get<ActionDocument>(`${at(type)}/export`)

export interface OpenApiWish {
  document: string
  prefix?: string
  server?: string
  credential?: string
  operations?: string[]
  dry_run?: boolean
}

/** One action for each operation; `dry_run` only says which. */
export const importOpenApi = async (wish: OpenApiWish) => (await api.post<Page<ImportedAction>>('/registry/actions/openapi', wish)).items
