import { Alert, Button, Checkbox, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { IconArrowLeft, IconFileImport } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { problemsByPath } from '@/api/problem'
import { actionKeys, importOpenApi } from '@/api/queries/custom-actions'
import type { ImportedAction } from '@/api/types'
import { CredentialSelect } from '@/features/credentials'
import { chooseFile } from '@/lib/choose-file'
import { plural } from '@/lib/text'
import { CodeEditor } from '@/ui/code-editor'
import { DataTable, type Column } from '@/ui/data-table'
import { notifyDone, notifyProblem } from '@/ui/notify'
import { StatusBadge } from '@/ui/status-badge'
import classes from './custom-actions.module.css'

/** One action for each operation of an OpenAPI document: first what would be made, then those that are wanted. */
export function OpenApiDialog({ onClose }: { onClose: () => void }) {
  const client = useQueryClient()
  const [document, setDocument] = useState('')
  const [prefix, setPrefix] = useState('')
  const [server, setServer] = useState('')
  const [credential, setCredential] = useState('')
  const [found, setFound] = useState<ImportedAction[] | null>(null)
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set())
  const wish = { document, prefix: prefix.trim() || undefined, server: server.trim() || undefined, credential: credential || undefined }
  const preview = useMutation({
    mutationFn: () => importOpenApi({ ...wish, dry_run: true }),
    onSuccess: (items) => {
      setFound(items)
      setLeft(new Set())
    },
    onError: (error) => {
      if (Object.keys(problemsByPath(error)).length === 0) notifyProblem(error, 'Not read')
    },
  })
  const wanted = (found ?? []).filter(({ operation, outcome }) => outcome !== 'skipped' && !left.has(operation))
  const make = useMutation({
    mutationFn: () => importOpenApi({ ...wish, operations: wanted.map(({ operation }) => operation) }),
    onSuccess: (items) => {
      const count = (outcome: string) => items.filter((each) => each.outcome === outcome).length
      notifyDone(`${count('created')} new, ${count('updated')} brought up to date, ${count('unchanged')} unchanged.`, 'Imported')
      onClose()
    },
    onError: (error) => notifyProblem(error, 'Not imported'),
    onSettled: () => client.invalidateQueries({ queryKey: actionKeys.all }),
  })
  const problems = problemsByPath(preview.error)
  const wrong = Object.entries(problems).find(([path]) => !['/prefix', '/server', '/credential'].includes(path))
  const toggle = (operation: string, on: boolean) => setLeft((before) => new Set(on ? [...before].filter((each) => each !== operation) : [...before, operation]))
  return (
    <Modal opened onClose={onClose} title="Actions from an OpenAPI document" size={880} data-testid="openapi-dialog">
      {found === null ? (
        <Stack gap="md">
          <div>
            <Group justify="space-between" mb={4}>
              <Text size="sm" fw={550}>
                The document
              </Text>
              <Button size="compact-sm" variant="subtle" leftSection={<IconFileImport size={14} />} onClick={() => chooseFile('.json,.yaml,.yml', (file) => void file.text().then(setDocument))}>
                From a file
              </Button>
            </Group>
            <CodeEditor language="text" label="The OpenAPI document" value={document} onChange={setDocument} numbers minHeight={220} maxHeight={320} placeholder={'openapi: 3.1.0\ninfo:\n  title: Weather'} invalid={wrong !== undefined} testId="openapi-text" />
            <Text size="xs" c={wrong ? 'red' : 'dimmed'} mt={4} role={wrong ? 'alert' : undefined}>
              {wrong ? wrong[1] : 'OpenAPI 3.0 or 3.1, as JSON or YAML.'}
            </Text>
          </div>
          <div className={classes.three}>
            <TextInput label="Prefix" description="The first part of every type." placeholder="from its title" value={prefix} onChange={(event) => setPrefix(event.currentTarget.value)} error={problems['/prefix']} data-testid="openapi-prefix" />
            <TextInput label="Server" description="In place of the document’s." placeholder="https://api.example.com" value={server} onChange={(event) => setServer(event.currentTarget.value)} error={problems['/server']} />
            <div>
              <Text component="label" htmlFor="openapi-credential" size="sm" fw={550}>
                Credential
              </Text>
              <Text size="xs" c="dimmed" mb={5}>
                Left empty: each step names its own.
              </Text>
              <CredentialSelect id="openapi-credential" value={credential} onChange={(next) => setCredential(next ?? '')} invalid={problems['/credential'] !== undefined} kinds={['http']} />
            </div>
          </div>
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button loading={preview.isPending} disabled={document.trim() === ''} onClick={() => preview.mutate()} data-testid="openapi-preview">
              See its operations
            </Button>
          </Group>
        </Stack>
      ) : (
        <Stack gap="md">
          {found.some(({ outcome }) => outcome === 'skipped') ? (
            <Alert color="yellow" variant="light">
              {plural(found.filter(({ outcome }) => outcome === 'skipped').length, 'operation')} cannot be made into an action; the table says why.
            </Alert>
          ) : null}
          <div className={classes.operations}>
            <DataTable label="Operations" columns={columns(left, toggle)} rows={found} rowKey={({ operation }) => operation} testId={({ operation }) => `operation-${operation}`} empty={<p className={classes.none}>The document has no operation.</p>} />
          </div>
          <Group justify="space-between" gap="sm">
            <Button variant="subtle" color="gray" leftSection={<IconArrowLeft size={15} />} onClick={() => setFound(null)}>
              Back
            </Button>
            <Button loading={make.isPending} disabled={wanted.length === 0} onClick={() => make.mutate()} data-testid="openapi-import">
              Import {plural(wanted.length, 'action')}
            </Button>
          </Group>
        </Stack>
      )}
    </Modal>
  )
}

const OUTCOMES: Record<string, string> = { new: 'New', updated: 'Changed', unchanged: 'As it is', skipped: 'Left out', created: 'New' }

const columns = (left: ReadonlySet<string>, toggle: (operation: string, on: boolean) => void): Column<ImportedAction>[] => [
  {
    key: 'wanted',
    header: <span className="mr-visually-hidden">Wanted</span>,
    width: 40,
    render: ({ operation, outcome }) => <Checkbox size="xs" aria-label={`Import ${operation}`} checked={outcome !== 'skipped' && !left.has(operation)} disabled={outcome === 'skipped'} onChange={(event) => toggle(operation, event.currentTarget.checked)} />,
  },
  { key: 'operation', header: 'Operation', render: ({ operation }) => <code className="mr-ellipsis">{operation}</code> },
  {
    key: 'type',
    header: 'Becomes',
    hide: 'sm',
    render: ({ type, title, reason }) => (
      <div className="mr-ellipsis" title={reason ?? title ?? undefined}>
        {type ? <code>{type}</code> : null} <span className="mr-dim">{reason ?? title}</span>
      </div>
    ),
  },
  { key: 'outcome', header: 'What', width: 110, render: ({ outcome }) => <StatusBadge status={outcome} label={OUTCOMES[outcome]} /> },
]
