import { Button } from '@mantine/core'
import { IconApi, IconPlus, IconPuzzle, IconUpload } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { actionsQuery } from '@/api/queries/installation'
import type { RegistryEntry } from '@/api/types'
import { DataTable, type Column } from '@/ui/data-table'
import { EmptyState } from '@/ui/empty-state'
import { ErrorPanel } from '@/ui/error-panel'
import { KindTile } from '@/ui/kind-tile'
import { LinkButton } from '@/ui/link-button'
import { Page } from '@/ui/page'
import { RowLink } from '@/ui/row-link'
import { useActionFile } from './action-file'
import { OpenApiDialog } from './openapi-dialog'

/** The workspace's own node types. */
export function CustomActionsPage() {
  const query = useQuery(actionsQuery())
  const [importing, setImporting] = useState(false)
  const file = useActionFile()
  const rows = (query.data ?? []).filter(({ custom }) => custom)
  return (
    <Page
      title="Custom actions"
      description="Node types of your own. They are in the palette at once, and run like the built-in ones."
      actions={
        <>
          <Button variant="default" leftSection={<IconUpload size={15} />} onClick={file.choose} loading={file.busy}>
            Import
          </Button>
          <Button variant="default" leftSection={<IconApi size={15} />} onClick={() => setImporting(true)} data-testid="import-openapi">
            From OpenAPI
          </Button>
          <LinkButton to="/custom-actions/new" leftSection={<IconPlus size={15} />} data-testid="new-action">
            New action
          </LinkButton>
        </>
      }
    >
      {query.isError ? (
        <ErrorPanel error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <div className="mr-card" style={{ overflow: 'hidden' }}>
          <DataTable
            label="Custom actions"
            columns={COLUMNS}
            rows={rows}
            rowKey={({ type }) => type}
            loading={query.isPending}
            testId={({ type }) => `action-${type}`}
            empty={
              <EmptyState icon={IconPuzzle} title="No action of your own yet" action={<Button onClick={() => setImporting(true)}>Import an OpenAPI document</Button>}>
                Write a call of an API or a function once, with the form it is filled in by; then it is a step like any other. An OpenAPI document gives one action for each operation.
              </EmptyState>
            }
          />
        </div>
      )}
      {importing ? <OpenApiDialog onClose={() => setImporting(false)} /> : null}
    </Page>
  )
}

const COLUMNS: Column<RegistryEntry>[] = [
  {
    key: 'title',
    header: 'Action',
    render: ({ type, title, icon, kind }) => (
      <div style={{ display: 'flex', alignItems: 'center', gap: 10, minWidth: 0 }}>
        <KindTile icon={icon} kind={kind} size={26} />
        <RowLink to="/custom-actions/$type" params={{ type }}>
          {title}
        </RowLink>
        <code className="mr-dim mr-ellipsis">{type}</code>
      </div>
    ),
  },
  { key: 'about', header: 'About', hide: 'md', render: ({ description }) => <div className="mr-ellipsis mr-dim">{description}</div> },
  { key: 'fields', header: 'Fields', width: 80, align: 'right', hide: 'sm', render: ({ config_schema }) => Object.keys(config_schema.properties ?? {}).length },
  { key: 'version', header: 'Version', width: 90, align: 'right', render: ({ version }) => (version === undefined ? null : `v${version}`) },
]
