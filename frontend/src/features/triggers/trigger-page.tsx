import { ActionIcon, Button, Menu } from '@mantine/core'
import { IconBookmark, IconDots, IconPencil, IconTrash } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { deleteTrigger, triggerKeys, triggerQuery } from '@/api/queries/triggers'
import { workflowNamesQuery } from '@/api/queries/workflows'
import type { Trigger } from '@/api/types'
import { ExecutionsList } from '@/features/executions'
import { confirm } from '@/ui/confirm'
import { ErrorPanel } from '@/ui/error-panel'
import { JsonView } from '@/ui/json-view'
import { KeyValues } from '@/ui/key-values'
import { KindTile } from '@/ui/kind-tile'
import { Loading } from '@/ui/loading'
import { notifyDone, notifyProblem } from '@/ui/notify'
import { Page, Section } from '@/ui/page'
import { RelativeTime } from '@/ui/relative-time'
import { StatusBadge } from '@/ui/status-badge'
import { CallPanel } from './call-panel'
import { DeliveriesLog } from './deliveries-log'
import { HealthChanges } from './health-changes'
import { KafkaPanel } from './kafka-panel'
import { Ledger } from './ledger'
import { reasonWords, TRIGGER_ICONS, triggerSummary } from '@/lib/trigger-words'
import { PresetDialog } from './preset-dialog'
import { TestPanel } from './test-panel'
import { TriggerForm } from './trigger-form'
import classes from './trigger-page.module.css'
import { TriggerSwitch } from './triggers-list'

const route = getRouteApi('/shell/triggers/$id')

export function TriggerPage() {
  const { id } = route.useParams()
  const query = useQuery(triggerQuery(id))
  if (query.data) return <Loaded trigger={query.data} />
  return <Page title="Trigger">{query.isError ? <ErrorPanel error={query.error} onRetry={() => void query.refetch()} /> : <Loading />}</Page>
}

function Loaded({ trigger }: { trigger: Trigger }) {
  const { title, subtitle } = triggerSummary(trigger)
  const workflow = useQuery(workflowNamesQuery()).data?.items.find(({ id }) => id === trigger.workflow_id)
  const [editing, setEditing] = useState(false)
  const [saving, setSaving] = useState(false)
  return (
    <Page
      title={`${title} ${subtitle}`}
      heading={
        <span className={classes.heading}>
          <KindTile icon={TRIGGER_ICONS[trigger.type]} kind="trigger" size={30} />
          {title}
          <code className="mr-dim">{subtitle}</code>
          <StatusBadge status={trigger.state} testId="trigger-state" />
        </span>
      }
      description={
        <>
          Starts{' '}
          <Link to="/workflows/$id" params={{ id: trigger.workflow_id }}>
            {workflow?.name ?? trigger.workflow_id}
          </Link>
          {trigger.reason ? <>. {reasonWords(trigger.reason)}</> : null}
        </>
      }
      actions={<Actions trigger={trigger} onEdit={() => setEditing(true)} onPreset={() => setSaving(true)} />}
    >
      <div className={classes.columns}>
        <div className={classes.stack}>
          {trigger.type === 'api' && trigger.url ? <CallPanel trigger={trigger} url={trigger.url} /> : null}
          {trigger.type === 'schedule' ? <Ledger trigger={trigger} /> : null}
          {trigger.type === 'kafka' ? <KafkaPanel trigger={trigger} /> : null}
          {trigger.type === 'api' ? <Section title="Try it with a real request"><TestPanel trigger={trigger} /></Section> : null}
          {trigger.type === 'api' ? <DeliveriesLog trigger={trigger} /> : null}
          <HealthChanges trigger={trigger} />
          <ExecutionsList filter={{ trigger_id: trigger.id }} limit={10} none="It has not started anything yet" paged={false} />
        </div>
        <Section title="Details">
          <div className={classes.stack}>
            <KeyValues
              entries={[
                ['Enabled', <TriggerSwitch key="enabled" trigger={trigger} />],
                ['Last fired', <RelativeTime key="last" at={trigger.last_fired_at} none="never" />],
                ['Next', trigger.next_fire_at ? <RelativeTime key="next" at={trigger.next_fire_at} /> : null],
                ['Skipped', trigger.skipped_records ? `${trigger.skipped_records} records, while it could not start` : null],
                ['Made', <RelativeTime key="made" at={trigger.created_at} />],
                ['Id', <code key="id">{trigger.id}</code>],
              ]}
            />
            <JsonView title="Config" value={trigger.config} />
            {trigger.input !== null ? <JsonView title="Input mapping" value={trigger.input} /> : null}
          </div>
        </Section>
      </div>
      {saving ? <PresetDialog trigger={trigger} onClose={() => setSaving(false)} /> : null}
      {editing ? <TriggerForm trigger={trigger} onClose={() => setEditing(false)} /> : null}
    </Page>
  )
}

function Actions({ trigger, onEdit, onPreset }: { trigger: Trigger; onEdit: () => void; onPreset: () => void }) {
  const client = useQueryClient()
  const navigate = useNavigate()
  const remove = useMutation({
    mutationFn: () => deleteTrigger(trigger.id),
    onSuccess: async () => {
      notifyDone('The trigger is deleted.')
      await navigate({ to: '/triggers' })
      void client.invalidateQueries({ queryKey: triggerKeys.all })
    },
    onError: (error) => notifyProblem(error, 'Not deleted'),
  })
  const ask = async () => {
    const body = 'What it started goes on. Its URL, if it has one, stops answering.'
    if (await confirm({ title: 'Delete this trigger?', body, yes: 'Delete', danger: true })) remove.mutate()
  }
  return (
    <>
      <Button variant="default" leftSection={<IconPencil size={15} />} onClick={onEdit} data-testid="edit-trigger">
        Edit
      </Button>
      <Menu>
        <Menu.Target>
          <ActionIcon aria-label="More actions" data-testid="trigger-menu">
            <IconDots size={17} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconBookmark size={15} />} onClick={onPreset} data-testid="save-as-preset">
            Save as a preset…
          </Menu.Item>
          <Menu.Item color="red" leftSection={<IconTrash size={15} />} onClick={() => void ask()} data-testid="delete-trigger">
            Delete…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  )
}
