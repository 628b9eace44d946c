import { ActionIcon, Button, Menu, Modal, Switch, TextInput } from '@mantine/core'
import { useDebouncedCallback, useDisclosure } from '@mantine/hooks'
import { IconDots, IconPlus, IconSearch, IconSitemap, IconTemplate, IconUpload, IconX } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { workflowListQuery } from '@/api/queries/workflows'
import type { WorkflowSummary } from '@/api/types'
import { TemplateGallery } from '@/features/templates'
import { DataTable, type Column } from '@/ui/data-table'
import { EmptyState } from '@/ui/empty-state'
import { ErrorPanel } from '@/ui/error-panel'
import { LoadMore } from '@/ui/load-more'
import { Page, Section } from '@/ui/page'
import { RelativeTime } from '@/ui/relative-time'
import { RowLink } from '@/ui/row-link'
import { StatusBadge } from '@/ui/status-badge'
import { CreateWorkflow } from './create-workflow'
import { useImportFile } from './import-file'
import { RunStrip } from './run-strip'
import { useRunStrips } from './use-run-strips'
import { useWorkflowActions } from './workflow-actions'
import { RenameDialog, WorkflowMenuItems } from './workflow-menu'

const route = getRouteApi('/shell/workflows')

export function WorkflowsPage() {
  const { q, label, new: creating } = route.useSearch()
  const navigate = route.useNavigate()
  const query = useInfiniteQuery(workflowListQuery({ q, label }))
  const rows = query.data?.pages.flatMap(({ items }) => items) ?? []
  const strips = useRunStrips(rows.map(({ id }) => id))
  const importFile = useImportFile()
  const [gallery, { open: openGallery, close: closeGallery }] = useDisclosure(false)
  const setCreating = (open: boolean) => void navigate({ search: (before) => ({ ...before, new: open || undefined }), replace: true })
  const none = query.isSuccess && rows.length === 0 && !q && !label
  return (
    <Page
      title="Workflows"
      description="Draw it, publish it, and it runs to its end."
      actions={
        <>
          <Button variant="default" leftSection={<IconUpload size={15} />} onClick={importFile.choose} loading={importFile.busy}>
            Import
          </Button>
          <Button variant="default" leftSection={<IconTemplate size={15} />} onClick={openGallery} data-testid="templates">
            Templates
          </Button>
          <Button leftSection={<IconPlus size={15} />} onClick={() => setCreating(true)} data-testid="new-workflow">
            New workflow
          </Button>
        </>
      }
    >
      {none ? null : (
        <div style={{ display: 'flex', flexWrap: 'wrap', gap: 8 }} role="search">
          <Search value={q ?? ''} onChange={(next) => void navigate({ search: (before) => ({ ...before, q: next || undefined }), replace: true })} />
          {label ? (
            <Button variant="default" rightSection={<IconX size={13} />} onClick={() => void navigate({ search: (before) => ({ ...before, label: undefined }), replace: true })} aria-label={`Not only ${label}`} data-testid="label-filter">
              {label}
            </Button>
          ) : null}
        </div>
      )}
      {query.isError ? <ErrorPanel error={query.error} onRetry={() => void query.refetch()} /> : null}
      {none ? (
        <Section title="Begin with one that works">
          <TemplateGallery />
        </Section>
      ) : query.isError ? null : (
        <div className="mr-card" style={{ overflow: 'hidden' }}>
          <DataTable
            label="Workflows"
            columns={columns(strips)}
            rows={rows}
            rowKey={({ id }) => id}
            loading={query.isPending}
            testId={({ slug }) => `workflow-${slug}`}
            empty={<EmptyState icon={IconSitemap} title="Nothing matches">No workflow {[q && `has “${q}” in its name or slug`, label && `is labelled “${label}”`].filter(Boolean).join(' and ')}.</EmptyState>}
          />
          <LoadMore query={query} />
        </div>
      )}
      <Modal opened={gallery} onClose={closeGallery} size={1080} title="Begin with one that works">
        <TemplateGallery />
      </Modal>
      {creating ? <CreateWorkflow onClose={() => setCreating(false)} /> : null}
      <RenameDialog />
    </Page>
  )
}

function Search({ value, onChange }: { value: string; onChange: (next: string) => void }) {
  const [text, setText] = useState(value)
  const tell = useDebouncedCallback(onChange, 250)
  return (
    <TextInput
      maw={320}
      leftSection={<IconSearch size={15} aria-hidden />}
      placeholder="Search by name or slug"
      aria-label="Search workflows"
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value)
        tell(event.currentTarget.value)
      }}
      data-testid="workflow-search"
    />
  )
}

const columns = (strips: ReturnType<typeof useRunStrips>): Column<WorkflowSummary>[] => [
  {
    key: 'name',
    header: 'Name',
    render: (workflow) => (
      <div style={{ minWidth: 0 }}>
        <RowLink to="/workflows/$id" params={{ id: workflow.id }}>
          {workflow.name}
        </RowLink>{' '}
        {workflow.labels.map((label) => (
          <Link key={label} to="/workflows" search={(before) => ({ ...before, label })} className="mr-chip" style={{ marginLeft: 4, height: 18, position: 'relative', zIndex: 1 }}>
            {label}
          </Link>
        ))}
        {workflow.description ? <div className="mr-dim mr-ellipsis" style={{ fontSize: 12 }}>{workflow.description}</div> : null}
      </div>
    ),
  },
  {
    key: 'state',
    header: 'State',
    width: 148,
    render: ({ enabled, live_version: live }) =>
      !enabled ? <StatusBadge status="disabled" /> : live === null ? <StatusBadge status="draft" label="Not published" /> : <StatusBadge status="live" label={`v${live} live`} />,
  },
  { key: 'runs', header: 'Last 20 runs', width: 190, hide: 'sm', render: ({ id }) => <RunStrip runs={strips[id]} /> },
  { key: 'changed', header: 'Changed', width: 120, hide: 'md', render: ({ updated_at }) => <RelativeTime at={updated_at} /> },
  { key: 'enabled', header: 'Enabled', width: 80, hide: 'sm', render: (workflow) => <EnabledSwitch workflow={workflow} /> },
  { key: 'menu', header: <span className="mr-visually-hidden">Actions</span>, width: 62, align: 'right', render: (workflow) => <RowMenu workflow={workflow} /> },
]

function EnabledSwitch({ workflow }: { workflow: WorkflowSummary }) {
  const { change } = useWorkflowActions(workflow)
  const shown = change.isPending ? change.variables.enabled : workflow.enabled
  return (
    <Switch
      size="sm"
      checked={shown ?? workflow.enabled}
      onChange={(event) => change.mutate({ enabled: event.currentTarget.checked })}
      aria-label={`${workflow.name} is enabled`}
      style={{ position: 'relative', zIndex: 1, display: 'inline-block' }}
    />
  )
}

function RowMenu({ workflow }: { workflow: WorkflowSummary }) {
  return (
    <Menu width={220}>
      <Menu.Target>
        <ActionIcon aria-label={`Actions for ${workflow.name}`}>
          <IconDots size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <WorkflowMenuItems workflow={workflow} />
      </Menu.Dropdown>
    </Menu>
  )
}
