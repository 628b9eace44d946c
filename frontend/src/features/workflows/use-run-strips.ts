import { useQueries, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { recentExecutionsQuery } from '@/api/queries/executions'
import type { ExecutionSummary } from '@/api/types'

const LENGTH = 20

/** The last runs by workflow: from the newest 200 of all, and with one question more for each workflow those do not cover. */
export function useRunStrips(ids: string[]): Record<string, ExecutionSummary[] | undefined> {
  const recent = useQuery(recentExecutionsQuery({}, 200, 5_000))
  const grouped = useMemo(() => {
    const groups: Record<string, ExecutionSummary[]> = {}
    for (const run of recent.data?.items ?? []) (groups[run.workflow_id] ??= []).push(run)
    return groups
  }, [recent.data])
  const whole = recent.data !== undefined && recent.data.next_cursor === null
  const missing = recent.data === undefined || whole ? [] : ids.filter((id) => (grouped[id]?.length ?? 0) < LENGTH)
  const asked = useQueries({
    queries: missing.map((id) => ({ ...recentExecutionsQuery({ workflow_id: id }, LENGTH, false), staleTime: 60_000 })),
  })
  if (recent.data === undefined) return {}
  const found = new Map(missing.map((id, index) => [id, asked[index]?.data?.items]))
  return Object.fromEntries(
    ids.map((id) => {
      const fresh = grouped[id] ?? []
      const known = new Set(fresh.map((run) => run.id))
      return [id, found.has(id) ? [...fresh, ...(found.get(id) ?? []).filter((run) => !known.has(run.id))] : fresh]
    }),
  )
}
