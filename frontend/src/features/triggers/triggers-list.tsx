import { Button, Switch, Tooltip } from '@mantine/core'
import { IconBolt, IconPlus } from '@tabler/icons-react'
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { patchTrigger, triggerKeys, triggerListQuery } from '@/api/queries/triggers'
import { workflowNamesQuery } from '@/api/queries/workflows'
import type { Trigger, TriggerType } from '@/api/types'
import { CopyButton } from '@/ui/copy-button'
import { DataTable, type Column } from '@/ui/data-table'
import { EmptyState } from '@/ui/empty-state'
import { ErrorPanel } from '@/ui/error-panel'
import { KindTile } from '@/ui/kind-tile'
import { LoadMore } from '@/ui/load-more'
import { notifyProblem } from '@/ui/notify'
import { RelativeTime } from '@/ui/relative-time'
import { RowLink } from '@/ui/row-link'
import { StatusBadge } from '@/ui/status-badge'
import { reasonWords, TRIGGER_ICONS, triggerSummary } from '@/lib/trigger-words'
import { TriggerForm } from './trigger-form'

/** Triggers of everything, or of one workflow. */
export function TriggersList({ workflowId, type }: { workflowId?: string; type?: TriggerType }) {
  const query = useInfiniteQuery(triggerListQuery({ workflow_id: workflowId, type }))
  const names = useQuery({ ...workflowNamesQuery(), enabled: workflowId === undefined })
  const [creating, setCreating] = useState(false)
  if (query.isError && !query.data) return <ErrorPanel error={query.error} onRetry={() => void query.refetch()} />
  const nameOf = (id: string) => names.data?.items.find((workflow) => workflow.id === id)?.name ?? id
  const add = (
    <Button variant={workflowId ? 'default' : 'filled'} leftSection={<IconPlus size={15} />} onClick={() => setCreating(true)} data-testid="new-trigger">
      New trigger
    </Button>
  )
  return (
    <>
      {workflowId ? <div style={{ alignSelf: 'flex-end' }}>{add}</div> : null}
      <div className="mr-card" style={{ overflow: 'hidden' }}>
        <DataTable
          label="Triggers"
          columns={columns(workflowId ? null : nameOf)}
          rows={query.data?.pages.flatMap(({ items }) => items) ?? []}
          rowKey={({ id }) => id}
          loading={query.isPending}
          testId={({ id }) => `trigger-${id}`}
          empty={
            <EmptyState icon={IconBolt} title={type ? 'No trigger of this type' : 'Nothing starts by itself yet'} action={workflowId ? null : add}>
              A trigger starts a workflow: a call of a URL, a time of the clock, or a record of a Kafka topic. Each accepted one starts exactly one execution.
            </EmptyState>
          }
        />
        <LoadMore query={query} />
      </div>
      {creating ? <TriggerForm workflowId={workflowId} onClose={() => setCreating(false)} /> : null}
    </>
  )
}

function columns(nameOf: ((id: string) => string) | null): Column<Trigger>[] {
  const all: (Column<Trigger> | false)[] = [
    {
      key: 'what',
      header: 'Trigger',
      render: (trigger) => {
        const { title, subtitle } = triggerSummary(trigger)
        return (
          <div style={{ display: 'flex', alignItems: 'center', gap: 10, minWidth: 0 }}>
            <KindTile icon={TRIGGER_ICONS[trigger.type]} kind="trigger" size={26} />
            <RowLink to="/triggers/$id" params={{ id: trigger.id }}>
              {title}
            </RowLink>
            <code className="mr-dim mr-ellipsis">{subtitle}</code>
            {trigger.url ? <CopyButton value={trigger.url} label="Copy the URL" /> : null}
          </div>
        )
      },
    },
    nameOf !== null && { key: 'workflow', header: 'Workflow', hide: 'sm', render: ({ workflow_id }) => nameOf(workflow_id) },
    {
      key: 'state',
      header: 'State',
      width: 120,
      render: ({ state, reason }) => (
        <Tooltip label={reasonWords(reason)} disabled={reason === null} multiline maw={320}>
          <span>
            <StatusBadge status={state} />
          </span>
        </Tooltip>
      ),
    },
    { key: 'last', header: 'Last fired', width: 120, hide: 'sm', render: ({ last_fired_at }) => <RelativeTime at={last_fired_at} none="never" /> },
    { key: 'next', header: 'Next', width: 110, hide: 'md', render: ({ next_fire_at }) => <RelativeTime at={next_fire_at} /> },
    { key: 'enabled', header: 'Enabled', width: 80, hide: 'sm', render: (trigger) => <TriggerSwitch trigger={trigger} /> },
  ]
  return all.filter((column) => column !== false)
}

export function TriggerSwitch({ trigger }: { trigger: Trigger }) {
  const client = useQueryClient()
  const change = useMutation({
    mutationFn: (enabled: boolean) => patchTrigger(trigger.id, { enabled }),
    onError: (error) => notifyProblem(error, 'Not changed'),
    onSettled: () => client.invalidateQueries({ queryKey: triggerKeys.all }),
  })
  return (
    <Switch
      size="sm"
      checked={change.isPending ? change.variables : trigger.enabled}
      onChange={(event) => change.mutate(event.currentTarget.checked)}
      aria-label="The trigger is enabled"
      style={{ position: 'relative', zIndex: 1, display: 'inline-block' }}
      data-testid="trigger-enabled"
    />
  )
}
