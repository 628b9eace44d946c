import { Button, Group, Modal, SegmentedControl, Skeleton } from '@mantine/core'
import { IconArrowBackUp, IconArrowsRight, IconFileDiff, IconVersions } from '@tabler/icons-react'
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { triggerKeys } from '@/api/queries/triggers'
import { rollbackWorkflow, versionQuery, versionsQuery, workflowKeys } from '@/api/queries/workflows'
import type { VersionSummary } from '@/api/types'
import { prettyJson } from '@/lib/json-source'
import { confirm } from '@/ui/confirm'
import { DataTable } from '@/ui/data-table'
import { EmptyState } from '@/ui/empty-state'
import { ErrorPanel } from '@/ui/error-panel'
import { JsonDiff, JsonEditor } from '@/ui/json-editor'
import { LoadMore } from '@/ui/load-more'
import { notifyDone, notifyProblem } from '@/ui/notify'
import { RelativeTime } from '@/ui/relative-time'
import { StatusBadge } from '@/ui/status-badge'
import { useDraft, useDraftState } from './draft/use-draft'
import { MoveDialog } from './move-dialog'
import { VersionGraph } from './version-graph'
import classes from './workflow-page.module.css'

export function VersionsTab() {
  const { workflow } = useDraft()
  const versions = useInfiniteQuery(versionsQuery(workflow.id))
  const [looking, setLooking] = useState<number | null>(null)
  const [moving, setMoving] = useState<number | null>(null)
  const rollback = useRollback(workflow.id)
  if (versions.isError) return <div className={classes.padded}><ErrorPanel error={versions.error} onRetry={() => void versions.refetch()} /></div>
  const rows = versions.data?.pages.flatMap(({ items }) => items) ?? []
  return (
    <div className={classes.padded}>
      <div className="mr-card" style={{ overflow: 'hidden' }}>
        <DataTable
          label="Versions"
          rows={rows}
          rowKey={({ version }) => String(version)}
          loading={versions.isPending}
          testId={({ version }) => `version-${version}`}
          wrap
          empty={
            <EmptyState icon={IconVersions} title="Nothing is published yet">
              Publishing freezes the draft as version 1 and makes it live at once. Executions stay pinned to the version they began with.
            </EmptyState>
          }
          columns={[
            { key: 'version', header: 'Version', render: ({ version }) => <strong>v{version}</strong>, width: 74 },
            { key: 'state', header: 'State', width: 98, render: ({ live }) => (live ? <StatusBadge status="live" /> : <span className="mr-dim">–</span>) },
            { key: 'at', header: 'Published', hide: 'sm', render: ({ created_at }) => <RelativeTime at={created_at} /> },
            {
              key: 'do',
              header: <span className="mr-visually-hidden">Actions</span>,
              align: 'right',
              render: ({ version, live }) => (
                <Group gap={6} justify="flex-end" wrap="wrap">
                  <Button size="compact-sm" variant="subtle" color="gray" leftSection={<IconFileDiff size={14} />} onClick={() => setLooking(version)} aria-label={`Look and compare: version ${version}`}>
                    Look and compare
                  </Button>
                  <Button size="compact-sm" variant="subtle" color="gray" leftSection={<IconArrowsRight size={14} />} onClick={() => setMoving(version)} aria-label={`Move here: executions to version ${version}`} title="Let executions that have not ended go on with this version" data-testid={`move-to-${version}`}>
                    Move here
                  </Button>
                  {live ? null : (
                    <Button size="compact-sm" variant="default" leftSection={<IconArrowBackUp size={14} />} onClick={() => void rollback(version)} aria-label={`Make live: version ${version}`}>
                      Make live
                    </Button>
                  )}
                </Group>
              ),
            },
          ]}
        />
        <LoadMore query={versions} />
      </div>
      {moving === null ? null : <MoveDialog version={moving} versions={rows} onClose={() => setMoving(null)} />}
      {looking === null ? null : <VersionDialog version={looking} versions={rows} onClose={() => setLooking(null)} />}
    </div>
  )
}

function useRollback(workflowId: string) {
  const client = useQueryClient()
  const mutation = useMutation({
    mutationFn: (version: number) => rollbackWorkflow(workflowId, version),
    onSuccess: (_, version) => notifyDone(`Version ${version} is live again. The draft stays as it is.`),
    onError: (error) => notifyProblem(error, 'Not changed'),
    onSettled: () => {
      void client.invalidateQueries({ queryKey: workflowKeys.all })
      void client.invalidateQueries({ queryKey: triggerKeys.all })
    },
  })
  return async (version: number) => {
    const body = 'Triggers switch to it at once. Executions that already run stay on their version, and the draft stays as it is.'
    if (await confirm({ title: `Make version ${version} live?`, body, yes: `Make v${version} live` })) mutation.mutate(version)
  }
}

function VersionDialog({ version, versions, onClose }: { version: number; versions: VersionSummary[]; onClose: () => void }) {
  const { workflow } = useDraft()
  const draft = useDraftState((state) => state.text)
  const draftDefinition = useDraftState((state) => state.definition)
  const [shape, setShape] = useState('canvas')
  const before = versions.find((each) => each.version < version)?.version
  const [mode, setMode] = useState('draft')
  const shown = useQuery(versionQuery(workflow.id, version))
  const previous = useQuery({ ...versionQuery(workflow.id, before ?? 0), enabled: mode === 'previous' && before !== undefined })
  const text = shown.data ? prettyJson(shown.data.definition) : null
  const other = mode === 'previous' ? (previous.data ? prettyJson(previous.data.definition) : null) : draft
  return (
    <Modal opened onClose={onClose} size={1100} title={`Version ${version}`}>
      <Group gap="sm" mb="md">
      <SegmentedControl
        value={mode}
        onChange={setMode}
        aria-label="Compare with"
        data={[
          { value: 'draft', label: 'Against the draft' },
          ...(before === undefined ? [] : [{ value: 'previous', label: `Against v${before}` }]),
          { value: 'whole', label: 'Whole' },
        ]}
      />
      {mode === 'whole' ? null : (
        <SegmentedControl
          value={shape}
          onChange={setShape}
          aria-label="Shown as"
          data={[
            { value: 'canvas', label: 'Canvas' },
            { value: 'json', label: 'JSON' },
          ]}
        />
      )}
      </Group>
      {shown.isError ? <ErrorPanel error={shown.error} /> : null}
      {text === null || (mode !== 'whole' && other === null) ? <Skeleton height={240} /> : null}
      {text !== null && mode === 'whole' ? <JsonEditor value={text} label={`Version ${version}`} readOnly maxHeight="60vh" /> : null}
      {shape === 'canvas' && mode === 'draft' && shown.data ? <VersionGraph before={shown.data.definition} after={draftDefinition} label={`Version ${version} and the draft`} /> : null}
      {shape === 'canvas' && mode === 'previous' && shown.data && previous.data ? <VersionGraph before={previous.data.definition} after={shown.data.definition} label={`Version ${before} and version ${version}`} /> : null}
      {shape === 'json' && text !== null && mode === 'draft' ? <JsonDiff before={text} after={draft} label={`Version ${version} and the draft`} /> : null}
      {shape === 'json' && text !== null && mode === 'previous' && other !== null ? <JsonDiff before={other} after={text} label={`Version ${before} and version ${version}`} /> : null}
    </Modal>
  )
}
