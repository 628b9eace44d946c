import { ActionIcon, Button, Menu } from '@mantine/core'
import { IconDeviceFloppy, IconDots, IconDownload, IconTrash } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { problemsByPath } from '@/api/problem'
import { actionKeys, createAction, customActionQuery, deleteAction, exportAction, replaceAction } from '@/api/queries/custom-actions'
import type { ActionDocument, CustomAction } from '@/api/types'
import { prettyJson } from '@/lib/json-source'
import { downloadText } from '@/lib/text'
import { confirm } from '@/ui/confirm'
import { ErrorPanel } from '@/ui/error-panel'
import { KindTile } from '@/ui/kind-tile'
import { Loading } from '@/ui/loading'
import { notifyDone, notifyProblem } from '@/ui/notify'
import { Page } from '@/ui/page'
import { ActionForm } from './action-form'
import { ActionPreview } from './action-preview'
import { ActionVersions } from './action-versions'
import classes from './custom-actions.module.css'
import { documentOf, fieldsOf, NEW_ACTION, problemsOf, type ActionFields } from './model'

const route = getRouteApi('/shell/custom-actions/$type')

export function NewActionPage() {
  return <Editor start={NEW_ACTION} />
}

export function CustomActionPage() {
  const { type } = route.useParams()
  const query = useQuery(customActionQuery(type))
  // A save makes another version; the fields go on as they stand.
  if (query.data) return <Editor key={type} start={fieldsOf(query.data.document)} action={query.data} />
  return <Page title="Custom action">{query.isError ? <ErrorPanel error={query.error} onRetry={() => void query.refetch()} /> : <Loading />}</Page>
}

function Editor({ start, action }: { start: ActionFields; action?: CustomAction }) {
  const [fields, setFields] = useState(start)
  const document = documentOf(fields)
  const save = useSave(action)
  const problems = useMemo(() => problemsOf(problemsByPath(save.error)), [save.error])
  const changed = !action || JSON.stringify(document) !== JSON.stringify(documentOf(fieldsOf(action.document)))
  const name = fields.title.trim() || 'New action'
  return (
    <Page
      title={name}
      heading={
        <span className={classes.heading}>
          <KindTile icon={fields.icon} kind="action" size={30} />
          {name}
          {action ? <code className="mr-dim">{action.type}</code> : null}
          {action ? <span className="mr-chip">version {action.version}</span> : null}
        </span>
      }
      description={action ? 'What is published stays with the version it was published with.' : 'A call of an API, or a function, with the form it is filled in by.'}
      actions={
        <>
          <Button leftSection={<IconDeviceFloppy size={15} />} loading={save.isPending} disabled={document === null || !changed || fields.title.trim() === '' || fields.type.trim() === ''} onClick={() => document && save.mutate(document)} data-testid="save-action">
            {action ? `Save version ${action.version + 1}` : 'Make the action'}
          </Button>
          {action ? <More action={action} /> : null}
        </>
      }
    >
      <div className={classes.columns}>
        <div className={classes.stack}>
          <ActionForm fields={fields} onChange={setFields} problems={problems} fixedType={action !== undefined} />
          {action ? <ActionVersions action={action} /> : null}
        </div>
        <ActionPreview fields={fields} saved={action && !changed ? action.type : null} />
      </div>
    </Page>
  )
}

function useSave(action: CustomAction | undefined) {
  const client = useQueryClient()
  const navigate = useNavigate()
  return useMutation({
    mutationFn: (document: ActionDocument) => (action ? replaceAction(document) : createAction(document)),
    onSuccess: async (saved) => {
      client.setQueryData(actionKeys.one(saved.type), saved)
      await client.invalidateQueries({ queryKey: actionKeys.all })
      notifyDone(`Version ${saved.version} is in the palette.`)
      if (!action) await navigate({ to: '/custom-actions/$type', params: { type: saved.type } })
    },
    onError: (error) => {
      // Problems of fields show at their fields.
      if (Object.keys(problemsByPath(error)).length === 0) notifyProblem(error, 'Not saved')
    },
  })
}

function More({ action }: { action: CustomAction }) {
  const client = useQueryClient()
  const navigate = useNavigate()
  const save = useMutation({
    mutationFn: () => exportAction(action.type),
    onSuccess: (document) => downloadText(`${action.type}.json`, prettyJson(document)),
    onError: (error) => notifyProblem(error, 'Not exported'),
  })
  const remove = useMutation({
    mutationFn: () => deleteAction(action.type),
    onSuccess: async () => {
      notifyDone('It is out of the palette.')
      await navigate({ to: '/custom-actions' })
    },
    onError: (error) => notifyProblem(error, 'Not deleted'),
    onSettled: () => client.invalidateQueries({ queryKey: actionKeys.all }),
  })
  const ask = async () => {
    const body = 'It goes out of the palette, and drafts that use it cannot be published. What is published with it goes on running.'
    if (await confirm({ title: `Delete ${action.title}?`, body, yes: 'Delete', danger: true })) remove.mutate()
  }
  return (
    <Menu width={200}>
      <Menu.Target>
        <ActionIcon variant="default" size={32} aria-label="More" data-testid="action-menu">
          <IconDots size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconDownload size={15} />} onClick={() => save.mutate()} data-testid="export-action">
          Export as JSON
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item color="red" leftSection={<IconTrash size={15} />} onClick={() => void ask()} data-testid="delete-action">
          Delete…
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
