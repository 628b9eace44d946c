import { ActionIcon, Button, Group } from '@mantine/core'
import { IconExternalLink, IconPencil, IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { triggerQuery } from '@/api/queries/triggers'
import { CopyButton } from '@/ui/copy-button'
import { ErrorPanel } from '@/ui/error-panel'
import { KeyValues } from '@/ui/key-values'
import { KindTile } from '@/ui/kind-tile'
import { LinkButton } from '@/ui/link-button'
import { Loading } from '@/ui/loading'
import { RelativeTime } from '@/ui/relative-time'
import { StatusBadge } from '@/ui/status-badge'
import { reasonWords, TRIGGER_ICONS, triggerSummary } from '@/lib/trigger-words'
import { TriggerForm } from './trigger-form'
import classes from './trigger-page.module.css'
import { TriggerSwitch } from './triggers-list'

/** A trigger in short, beside the canvas of the workflow it starts. */
export function TriggerPanel({ id, onClose }: { id: string; onClose: () => void }) {
  const { data: trigger, error } = useQuery(triggerQuery(id))
  const [editing, setEditing] = useState(false)
  if (error && !trigger) return <ErrorPanel error={error} />
  if (!trigger) return <Loading />
  const { title, subtitle } = triggerSummary(trigger)
  return (
    <section className={classes.panel} aria-label={`Trigger ${title}`} data-testid="trigger-panel">
      <header className={classes.panelHead}>
        <KindTile icon={TRIGGER_ICONS[trigger.type]} kind="trigger" size={32} />
        <div style={{ flex: 1, minWidth: 0 }}>
          <h2 className="mr-ellipsis">{title}</h2>
          <code className="mr-dim mr-ellipsis" style={{ display: 'block' }}>
            {subtitle}
          </code>
        </div>
        <ActionIcon aria-label="Close" onClick={onClose}>
          <IconX size={16} />
        </ActionIcon>
      </header>
      <div className={classes.panelBody}>
        <KeyValues
          entries={[
            ['State', <StatusBadge key="state" status={trigger.state} />],
            ['Why', reasonWords(trigger.reason)],
            ['Enabled', <TriggerSwitch key="enabled" trigger={trigger} />],
            ['Last fired', <RelativeTime key="last" at={trigger.last_fired_at} none="never" />],
            ['Next', trigger.next_fire_at ? <RelativeTime key="next" at={trigger.next_fire_at} /> : null],
          ]}
        />
        {trigger.url ? (
          <div className={classes.url}>
            <code>{trigger.url}</code>
            <CopyButton value={trigger.url} label="Copy the URL" />
          </div>
        ) : null}
        <Group gap="sm">
          <Button size="compact-sm" variant="default" leftSection={<IconPencil size={14} />} onClick={() => setEditing(true)} data-testid="edit-trigger-here">
            Edit
          </Button>
          <LinkButton size="compact-sm" variant="subtle" color="gray" leftSection={<IconExternalLink size={14} />} to="/triggers/$id" params={{ id }}>
            Its page
          </LinkButton>
        </Group>
      </div>
      {editing ? <TriggerForm trigger={trigger} onClose={() => setEditing(false)} /> : null}
    </section>
  )
}
