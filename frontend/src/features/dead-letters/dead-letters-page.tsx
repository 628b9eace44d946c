import { Button, Group, Modal, Skeleton } from '@mantine/core'
import { IconMailCheck, IconRefresh } from '@tabler/icons-react'
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { deadLetterKeys, deadLetterListQuery, deadLetterQuery, replayDeadLetter } from '@/api/queries/triggers'
import { workflowNamesQuery } from '@/api/queries/workflows'
import type { DeadLetter } from '@/api/types'
import { decodeRecord } from '@/lib/kafka-record'
import { shortId } from '@/lib/text'
import { DataTable, type Column } from '@/ui/data-table'
import { EmptyState } from '@/ui/empty-state'
import { ErrorPanel } from '@/ui/error-panel'
import { JsonView } from '@/ui/json-view'
import { KeyValues } from '@/ui/key-values'
import { LoadMore } from '@/ui/load-more'
import { notifyDone, notifyProblem } from '@/ui/notify'
import { Page } from '@/ui/page'
import { RelativeTime } from '@/ui/relative-time'
import { StatusBadge } from '@/ui/status-badge'

export function DeadLettersPage() {
  const query = useInfiniteQuery(deadLetterListQuery())
  const names = useQuery(workflowNamesQuery())
  const [reading, setReading] = useState<string | null>(null)
  const replay = useReplay()
  const nameOf = (id: string) => names.data?.items.find((workflow) => workflow.id === id)?.name ?? id
  return (
    <Page title="Dead letters" description="Kafka records of which no execution could be made. Nothing is lost: mend the reason, then replay.">
      {query.isError && !query.data ? (
        <ErrorPanel error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <div className="mr-card" style={{ overflow: 'hidden' }}>
          <DataTable
            label="Dead letters"
            columns={columns(nameOf, setReading, replay)}
            rows={query.data?.pages.flatMap(({ items }) => items) ?? []}
            rowKey={({ id }) => id}
            loading={query.isPending}
            testId={({ id }) => `dead-letter-${id}`}
            empty={
              <EmptyState icon={IconMailCheck} title="No dead letters">
                A record that a Kafka trigger cannot read or whose input the workflow refuses is kept here with the reason. The records after it go on.
              </EmptyState>
            }
          />
          <LoadMore query={query} />
        </div>
      )}
      {reading ? <LetterDialog id={reading} replay={replay} onClose={() => setReading(null)} /> : null}
    </Page>
  )
}

interface Replay {
  run: (id: string) => void
  busy: string | null
}

function useReplay(): Replay {
  const client = useQueryClient()
  const mutation = useMutation({
    mutationFn: replayDeadLetter,
    onSuccess: (letter) => notifyDone(letter.execution_id ? `Execution ${shortId(letter.execution_id)} has the record.` : 'The record was replayed.'),
    onError: (error) => notifyProblem(error, 'Not replayed'),
    onSettled: () => client.invalidateQueries({ queryKey: deadLetterKeys.all }),
  })
  return { run: mutation.mutate, busy: mutation.isPending ? mutation.variables : null }
}

const columns = (nameOf: (id: string) => string, read: (id: string) => void, replay: Replay): Column<DeadLetter>[] => [
  {
    key: 'topic',
    header: 'Record',
    render: (letter) => (
      <code>
        {letter.topic} {letter.partition}:{letter.offset}
      </code>
    ),
  },
  { key: 'workflow', header: 'For', hide: 'sm', render: ({ workflow_id }) => nameOf(workflow_id) },
  {
    key: 'reason',
    header: 'Reason',
    render: ({ code, reason }) => (
      <div className="mr-ellipsis" title={reason}>
        <code>{code}</code> <span className="mr-dim">{reason}</span>
      </div>
    ),
  },
  { key: 'at', header: 'Kept', width: 110, hide: 'md', render: ({ created_at }) => <RelativeTime at={created_at} /> },
  {
    key: 'do',
    header: <span className="mr-visually-hidden">Actions</span>,
    align: 'right',
    width: 220,
    render: (letter) => (
      <Group gap="sm" justify="flex-end" wrap="nowrap">
        <Button size="compact-sm" variant="subtle" color="gray" onClick={() => read(letter.id)}>
          Look
        </Button>
        <ReplayButton letter={letter} replay={replay} />
      </Group>
    ),
  },
]

function ReplayButton({ letter, replay }: { letter: DeadLetter; replay: Replay }) {
  if (letter.execution_id) {
    return (
      <Link to="/executions/$id" params={{ id: letter.execution_id }}>
        <StatusBadge status="replayed" />
      </Link>
    )
  }
  return (
    <Button size="compact-sm" variant="default" leftSection={<IconRefresh size={14} />} loading={replay.busy === letter.id} onClick={() => replay.run(letter.id)} data-testid="replay">
      Replay
    </Button>
  )
}

function LetterDialog({ id, replay, onClose }: { id: string; replay: Replay; onClose: () => void }) {
  const { data: letter, isError, error } = useQuery(deadLetterQuery(id))
  return (
    <Modal opened onClose={onClose} title="Dead letter" size="lg">
      {isError ? <ErrorPanel error={error} /> : null}
      {letter ? (
        <div style={{ display: 'grid', gap: 16 }}>
          <KeyValues
            entries={[
              ['Record', <code key="record">{`${letter.topic}, partition ${letter.partition}, offset ${letter.offset}`}</code>],
              ['Reason', letter.reason],
              ['Code', <code key="code">{letter.code}</code>],
              ['Kept', <RelativeTime key="at" at={letter.created_at} />],
            ]}
          />
          <JsonView title="Record" value={decodeRecord(letter.record)} />
          <Group justify="flex-end">
            <ReplayButton letter={letter} replay={replay} />
          </Group>
        </div>
      ) : (
        <Skeleton height={200} />
      )}
    </Modal>
  )
}
