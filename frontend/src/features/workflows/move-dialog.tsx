import { Autocomplete, Button, Group, Modal, Select, Stack } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconArrowsRight, IconRefresh } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { executionKeys } from '@/api/queries/executions'
import { moveExecutions, movesQuery, type MoveFilter, type Moves } from '@/api/queries/moves'
import type { MoveOutcome, VersionSummary } from '@/api/types'
import { plural, shortId } from '@/lib/text'
import { DataTable, type Column } from '@/ui/data-table'
import { EmptyState } from '@/ui/empty-state'
import { ErrorPanel } from '@/ui/error-panel'
import { notifyProblem } from '@/ui/notify'
import { StatusBadge } from '@/ui/status-badge'
import { useDraft, useDraftState } from './draft/use-draft'
import classes from './move-dialog.module.css'

interface MoveDialogProps {
  version: number
  versions: VersionSummary[]
  onClose: () => void
}

const SHOWN = 100
const ORDER: MoveOutcome['outcome'][] = ['blocked', 'held', 'moved', 'movable']

/** Lets executions that have not ended go on with another version: first says which can and why others cannot, then does it. */
export function MoveDialog({ version, versions, onClose }: MoveDialogProps) {
  const { workflow } = useDraft()
  const nodes = useDraftState(({ definition }) => definition.nodes)
  const client = useQueryClient()
  const [from, setFrom] = useState<string | null>(null)
  const [node, setNode] = useState('')
  const [settled] = useDebouncedValue(node.trim(), 300)
  const filter: MoveFilter = { version: from === null ? undefined : Number(from), node_id: settled || undefined }
  const dry = useQuery(movesQuery(workflow.id, version, filter))
  const move = useMutation({
    mutationFn: () => moveExecutions(workflow.id, version, filter, false),
    onError: (error) => notifyProblem(error, 'Not moved'),
    onSettled: () => client.invalidateQueries({ queryKey: executionKeys.all, predicate: ({ queryKey }) => queryKey[1] !== 'moves' }),
  })
  const shown = move.data ?? dry.data
  const again = () => {
    move.reset()
    void dry.refetch()
  }
  return (
    <Modal opened onClose={onClose} size={820} title={`Move executions to version ${version}`} data-testid="move-dialog">
      <Stack gap="md">
        <p className={classes.about}>Executions stay with the version they began with, unless they are moved. Only those that have not ended can go on with another, and only where that could have led to where they are now.</p>
        {move.data ? null : (
          <Group gap="sm" grow className={classes.filters}>
            <Select label="Which run" placeholder="Any other version" clearable data={versions.filter((each) => each.version !== version).map((each) => ({ value: String(each.version), label: `v${each.version}` }))} value={from} onChange={setFrom} data-testid="move-from" />
            <Autocomplete label="And wait at" placeholder="Any step" value={node} onChange={setNode} data={nodes.map(({ id }) => id)} data-testid="move-node" />
          </Group>
        )}
        {dry.isError && !move.data ? <ErrorPanel error={dry.error} onRetry={again} /> : null}
        {shown ? <Verdict moves={shown} version={version} done={move.data !== undefined} /> : null}
        <div className={`mr-card ${classes.list}`}>
          {dry.isError && !move.data ? null : (
            <DataTable
              label="Executions"
              loading={dry.isPending}
              columns={COLUMNS}
              rows={sorted(shown)}
              rowKey={({ execution_id }) => execution_id}
              testId={({ execution_id }) => `move-${execution_id}`}
              wrap
              empty={<EmptyState icon={IconArrowsRight} title="Nothing to move">No execution like this is under way with another version.</EmptyState>}
            />
          )}
        </div>
        <Group justify="flex-end" gap="sm">
          {move.data ? (
            <>
              {shown && shown.counts.held > 0 ? (
                <Button variant="default" leftSection={<IconRefresh size={14} />} onClick={again}>
                  Look again
                </Button>
              ) : null}
              <Button onClick={onClose} data-testid="move-close">
                Close
              </Button>
            </>
          ) : (
            <>
              <Button variant="default" onClick={onClose}>
                Cancel
              </Button>
              <Button leftSection={<IconArrowsRight size={15} />} loading={move.isPending} disabled={!dry.data || dry.isFetching || dry.data.counts.movable === 0} onClick={() => move.mutate()} data-testid="move-now">
                {dry.data && dry.data.counts.movable > 0 ? `Move ${plural(dry.data.counts.movable, 'execution')}` : 'Move'}
              </Button>
            </>
          )}
        </Group>
      </Stack>
    </Modal>
  )
}

function Verdict({ moves: { counts, more }, version, done }: { moves: Moves; version: number; done: boolean }) {
  const parts = [done ? `${plural(counts.moved, 'execution')} moved to v${version}` : `${plural(counts.movable, 'execution')} can move`]
  if (counts.blocked > 0) parts.push(`${counts.blocked} cannot`)
  if (counts.held > 0) parts.push(`${counts.held} held by a worker at this moment`)
  return (
    <p className={classes.verdict} role="status" data-testid="move-verdict">
      {parts.join(', ')}
      {more ? '; there are more, so do it again after this' : ''}.
    </p>
  )
}

/** Those that need a look first. */
const sorted = (moves: Moves | undefined): MoveOutcome[] => [...(moves?.items ?? [])].sort((a, b) => ORDER.indexOf(a.outcome) - ORDER.indexOf(b.outcome)).slice(0, SHOWN)

const WORDS: Record<MoveOutcome['outcome'], { status: string; label: string }> = {
  movable: { status: 'ok', label: 'Can move' },
  moved: { status: 'succeeded', label: 'Moved' },
  blocked: { status: 'refused', label: 'Cannot' },
  held: { status: 'running', label: 'Held' },
}

const COLUMNS: Column<MoveOutcome>[] = [
  { key: 'outcome', header: 'Can it', width: 124, render: ({ outcome }) => <StatusBadge status={WORDS[outcome].status} label={WORDS[outcome].label} /> },
  {
    key: 'execution',
    header: 'Execution',
    width: 150,
    render: ({ execution_id, from_version }) => (
      <>
        <Link to="/executions/$id" params={{ id: execution_id }}>
          <code>{shortId(execution_id)}</code>
        </Link>{' '}
        <span className="mr-dim">{from_version === 'draft' ? 'draft' : `v${from_version}`}</span>
      </>
    ),
  },
  {
    key: 'why',
    header: 'Why not',
    render: ({ reasons }) =>
      reasons.map(({ code, message, node_id }) => (
        <div key={`${code}/${node_id}`}>
          {node_id ? <code>{node_id}</code> : null} {message}
        </div>
      )),
  },
]
