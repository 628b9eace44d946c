import { ActionIcon, Button, Group, Tabs } from '@mantine/core'
import { IconExternalLink, IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { triggerQuery } from '@/api/queries/triggers'
import type { Trigger } from '@/api/types'
import { RunList } from '@/features/executions'
import { ErrorPanel } from '@/ui/error-panel'
import { KindTile } from '@/ui/kind-tile'
import { LinkButton } from '@/ui/link-button'
import { Loading } from '@/ui/loading'
import { notifyDone } from '@/ui/notify'
import { ConfigFields } from './forms/config-fields'
import { TriggerState } from './trigger-state'
import { TRIGGER_ICONS, triggerSummary } from '@/lib/trigger-words'
import { TestPanel } from './test-panel'
import classes from './trigger-page.module.css'
import { useTriggerFields } from './use-trigger-fields'

interface TriggerPanelProps {
  id: string
  onClose: () => void
  onRun?: (executionId: string) => void
}

/** A trigger beside the canvas of the workflow it starts: its settings, its state, and a request to try it with. */
export function TriggerPanel({ id, onClose, onRun }: TriggerPanelProps) {
  const { data: trigger, error } = useQuery(triggerQuery(id))
  if (error && !trigger) return <ErrorPanel error={error} />
  if (!trigger) return <Loading />
  return <Loaded key={trigger.updated_at} trigger={trigger} onClose={onClose} onRun={onRun} />
}

function Loaded({ trigger, onClose, onRun }: Omit<TriggerPanelProps, 'id'> & { trigger: Trigger }) {
  const { title, subtitle } = triggerSummary(trigger)
  const [tab, setTab] = useState<string | null>('config')
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
        <ActionIcon aria-label="Close" onClick={onClose} data-testid="close-trigger">
          <IconX size={16} />
        </ActionIcon>
      </header>
      <Tabs value={tab} onChange={setTab} className={classes.panelTabs}>
        <Tabs.List>
          <Tabs.Tab value="config">Parameters</Tabs.Tab>
          <Tabs.Tab value="state" data-testid="trigger-tab-state">
            State
          </Tabs.Tab>
          {trigger.type === 'api' ? (
            <Tabs.Tab value="test" data-testid="trigger-tab-test">
              Test
            </Tabs.Tab>
          ) : null}
        </Tabs.List>
        <Tabs.Panel value="config" className={classes.panelMain}>
          <Parameters trigger={trigger} />
        </Tabs.Panel>
        <Tabs.Panel value="state" className={classes.panelMain}>
          <div className={classes.panelBody}>
            {tab === 'state' ? (
              <>
                <TriggerState trigger={trigger} />
                <h3 className={classes.subtitle}>What it started</h3>
                <RunList filter={{ trigger_id: trigger.id }} none="Nothing yet." onOpen={(id) => onRun?.(id)} />
                <LinkButton size="compact-sm" variant="subtle" color="gray" style={{ alignSelf: 'flex-start' }} leftSection={<IconExternalLink size={14} />} to="/triggers/$id" params={{ id: trigger.id }}>
                  Open its page
                </LinkButton>
              </>
            ) : null}
          </div>
        </Tabs.Panel>
        <Tabs.Panel value="test" className={classes.panelMain}>
          <div className={classes.panelBody}>{tab === 'test' ? <TestPanel trigger={trigger} onRun={onRun} /> : null}</div>
        </Tabs.Panel>
      </Tabs>
    </section>
  )
}

/** Triggers are no part of the draft: a change holds from the moment it is saved. */
function Parameters({ trigger }: { trigger: Trigger }) {
  const { entry, fields, setFields, problems, save, dirty, reset } = useTriggerFields({ trigger, onSaved: () => notifyDone('The trigger is changed. It holds from now on.') })
  if (!entry) return <Loading />
  return (
    <form
      className={classes.panelForm}
      onSubmit={(event) => {
        event.preventDefault()
        save.mutate()
      }}
    >
      <div className={classes.panelBody}>
        <ConfigFields entry={entry} fields={fields} trigger={trigger} problems={problems} onChange={setFields} />
      </div>
      {dirty ? (
        <Group justify="space-between" gap="sm" className={classes.panelEnd}>
          <span className="mr-dim">Not saved yet</span>
          <Group gap="sm">
            <Button size="compact-sm" variant="subtle" color="gray" onClick={reset}>
              Undo
            </Button>
            <Button size="compact-sm" type="submit" loading={save.isPending} data-testid="save-trigger">
              Save the trigger
            </Button>
          </Group>
        </Group>
      ) : null}
    </form>
  )
}
