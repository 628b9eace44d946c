import { Button, Group, Modal, Select } from '@mantine/core'
import { IconInbox, IconRefresh } from '@tabler/icons-react'
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { executionKeys } from '@/api/queries/executions'
import { replayDelivery, triggerDeliveriesQuery, triggerDeliveryQuery, triggerKeys } from '@/api/queries/triggers'
import type { DeliveryOutcome, Trigger, TriggerDelivery } from '@/api/types'
import { formatBytes, shortId } from '@/lib/text'
import { DataTable, type Column } from '@/ui/data-table'
import { EmptyState } from '@/ui/empty-state'
import { ErrorPanel } from '@/ui/error-panel'
import { JsonView } from '@/ui/json-view'
import { KeyValues } from '@/ui/key-values'
import { Loading } from '@/ui/loading'
import { LoadMore } from '@/ui/load-more'
import { notifyDone, notifyProblem } from '@/ui/notify'
import { Section } from '@/ui/page'
import { RelativeTime } from '@/ui/relative-time'
import { StatusBadge } from '@/ui/status-badge'

const OUTCOMES: { value: DeliveryOutcome; label: string }[] = [
  { value: 'started', label: 'Started' },
  { value: 'duplicate', label: 'Duplicate' },
  { value: 'debounced', label: 'Held together' },
  { value: 'refused', label: 'Refused' },
]
const outcomeWords = (outcome: DeliveryOutcome): string => OUTCOMES.find(({ value }) => value === outcome)?.label ?? outcome

/** Every call of a week and what became of it. What was kept of one can be sent again. */
export function DeliveriesLog({ trigger }: { trigger: Trigger }) {
  const [outcome, setOutcome] = useState<DeliveryOutcome | undefined>()
  const [reading, setReading] = useState<string | null>(null)
  const query = useInfiniteQuery(triggerDeliveriesQuery(trigger.id, outcome))
  const replay = useReplay(trigger.id)
  const filter = <Select aria-label="Outcome" placeholder="Any outcome" size="xs" w={140} clearable data={OUTCOMES} value={outcome ?? null} onChange={(next) => setOutcome(next ?? undefined)} data-testid="delivery-outcome" />
  return (
    <Section title="Deliveries" aside={filter} flush testId="deliveries">
      {query.isError && !query.data ? (
        <ErrorPanel error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <>
          <DataTable
            label="Deliveries"
            columns={columns(setReading, replay)}
            rows={query.data?.pages.flatMap(({ items }) => items) ?? []}
            rowKey={({ id }) => id}
            loading={query.isPending}
            testId={({ id }) => `delivery-${id}`}
            empty={
              <EmptyState icon={IconInbox} title={outcome ? `None ${outcomeWords(outcome).toLowerCase()}` : 'No call yet'}>
                Each call of the last seven days stands here: what it started, or why it was refused.
              </EmptyState>
            }
          />
          <LoadMore query={query} />
        </>
      )}
      {reading ? <DeliveryDialog trigger={trigger} id={reading} replay={replay} onClose={() => setReading(null)} /> : null}
    </Section>
  )
}

interface Replay {
  run: (id: string) => void
  busy: string | null
}

function useReplay(triggerId: string): Replay {
  const client = useQueryClient()
  const mutation = useMutation({
    mutationFn: (id: string) => replayDelivery(triggerId, id),
    onSuccess: ({ execution_id: id }) => notifyDone(`Execution ${shortId(id)} has what it brought.`, 'Sent again'),
    onError: (error) => notifyProblem(error, 'Not sent again'),
    onSettled: () => Promise.all([client.invalidateQueries({ queryKey: triggerKeys.one(triggerId) }), client.invalidateQueries({ queryKey: executionKeys.all })]),
  })
  return { run: mutation.mutate, busy: mutation.isPending ? mutation.variables : null }
}

const columns = (read: (id: string) => void, replay: Replay): Column<TriggerDelivery>[] => [
  { key: 'outcome', header: 'Outcome', width: 140, render: ({ outcome }) => <StatusBadge status={outcome} label={outcomeWords(outcome)} /> },
  { key: 'at', header: 'Received', width: 96, render: ({ received_at }) => <RelativeTime at={received_at} /> },
  { key: 'status', header: 'Answer', width: 76, hide: 'sm', render: ({ status }) => <code>{status}</code> },
  { key: 'what', header: 'What', hide: 'md', render: (delivery) => <What delivery={delivery} /> },
  {
    key: 'do',
    header: <span className="mr-visually-hidden">Actions</span>,
    align: 'right',
    width: 160,
    render: (delivery) => (
      <Group gap={6} justify="flex-end" wrap="nowrap">
        <Button size="compact-sm" variant="subtle" color="gray" onClick={() => read(delivery.id)} data-testid="read-delivery">
          Look
        </Button>
        <ReplayButton delivery={delivery} replay={replay} />
      </Group>
    ),
  },
]

function What({ delivery: { execution_id: id, code, detail, replay_of: replayed } }: { delivery: TriggerDelivery }) {
  if (code) {
    return (
      <div className="mr-ellipsis" title={detail ?? undefined}>
        <code>{code}</code> <span className="mr-dim">{detail}</span>
      </div>
    )
  }
  if (!id) return null
  return (
    <>
      <Link to="/executions/$id" params={{ id }}>
        <code>{shortId(id)}</code>
      </Link>
      {replayed ? <span className="mr-dim"> sent again</span> : null}
    </>
  )
}

function ReplayButton({ delivery, replay }: { delivery: TriggerDelivery; replay: Replay }) {
  if (!delivery.replayable) return null
  return (
    <Button size="compact-sm" variant="default" leftSection={<IconRefresh size={14} />} loading={replay.busy === delivery.id} onClick={() => replay.run(delivery.id)} data-testid="replay-delivery">
      Replay
    </Button>
  )
}

function DeliveryDialog({ trigger, id, replay, onClose }: { trigger: Trigger; id: string; replay: Replay; onClose: () => void }) {
  const { data: delivery, isError, error } = useQuery(triggerDeliveryQuery(trigger.id, id))
  return (
    <Modal opened onClose={onClose} title="Delivery" size="lg">
      {isError ? <ErrorPanel error={error} /> : null}
      {!delivery && !isError ? <Loading /> : null}
      {delivery ? (
        <div style={{ display: 'grid', gap: 16 }}>
          <KeyValues
            entries={[
              ['Outcome', <StatusBadge key="outcome" status={delivery.outcome} label={outcomeWords(delivery.outcome)} />],
              ['Received', <RelativeTime key="at" at={delivery.received_at} />],
              ['Answer', <code key="status">{`${delivery.status}${delivery.code ? ` ${delivery.code}` : ''}`}</code>],
              ['Why', delivery.detail],
              ['Body', formatBytes(delivery.body_bytes)],
            ]}
          />
          {delivery.request ? (
            <>
              <JsonView title="Body" value={delivery.request.body ?? null} testId="delivery-body" />
              <JsonView title="Headers" value={delivery.request.headers ?? {}} />
              {Object.keys(delivery.request.query ?? {}).length > 0 ? <JsonView title="Query" value={delivery.request.query} /> : null}
            </>
          ) : (
            <p className="mr-dim">Nothing of the request was kept.</p>
          )}
          <Group justify="flex-end">
            <ReplayButton delivery={delivery} replay={replay} />
          </Group>
        </div>
      ) : null}
    </Modal>
  )
}
