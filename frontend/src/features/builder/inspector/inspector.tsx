import { ActionIcon, Menu, Tabs } from '@mantine/core'
import { IconCopy, IconDots, IconPlayerPause, IconPlayerPlay, IconTrash, IconX } from '@tabler/icons-react'
import { useState } from 'react'
import type { RegistryEntry } from '@/api/types'
import type { DefinitionNode } from '@/lib/definition'
import { without } from '@/lib/json-path'
import { KindTile } from '@/ui/kind-tile'
import { useBuilder, useUi } from '../builder-context'
import { placeOf } from '../model/scope'
import { ConfigForm } from './config-form'
import { DataTab } from './data-tab'
import classes from './inspector.module.css'
import { NodeSettings } from './node-settings'

/** Everything of one step, floating over the canvas beside it. */
export function Inspector() {
  const opened = useUi((state) => state.opened)
  const field = useUi((state) => state.field)
  const { editor, definition, registry, triggerPanel } = useBuilder()
  const close = () => editor.open(null)
  if (opened === null) return null
  if (opened === 'trigger:new') return null
  if (opened.startsWith('trigger:')) return <div className={classes.panel}>{triggerPanel(opened.slice('trigger:'.length), close)}</div>
  const node = definition && editor.node(opened)
  if (!node) return null
  return <Panel key={opened} node={node} entry={registry.find(({ type }) => type === node.type)} field={field} onClose={close} />
}

interface PanelProps {
  node: DefinitionNode
  entry: RegistryEntry | undefined
  field: string | null
  onClose: () => void
}

const isSetting = (field: string | null): boolean => field !== null && /^\/(retry|timeout_seconds|on_error|join|delivery|disabled|sensitive|undo|id)(\/|$)/.test(field)

function Panel({ node, entry, field, onClose }: PanelProps) {
  const { issues, editor } = useBuilder()
  const [tab, setTab] = useState<string | null>(isSetting(field) ? 'settings' : 'config')
  const scope = useUi((state) => state.scope)
  const own = issues.flatMap((issue) => {
    const place = placeOf(editor.definition(), issue.path)
    return place.node === node.id && place.scope.join('/') === scope.join('/') ? [{ ...issue, rest: place.rest }] : []
  })
  const settings = own.filter(({ rest }) => isSetting(rest)).length
  return (
    <section className={classes.panel} aria-label={`Step ${node.name ?? node.id}`} data-testid="inspector">
      <Head node={node} entry={entry} onClose={onClose} />
      <Tabs value={tab} onChange={setTab} className={classes.tabs} keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="config">Parameters</Tabs.Tab>
          <Tabs.Tab value="settings" data-testid="step-settings">
            Settings{settings > 0 ? ` (${settings})` : ''}
          </Tabs.Tab>
          <Tabs.Tab value="data" data-testid="tab-data">
            Data
          </Tabs.Tab>
        </Tabs.List>
        <div className={classes.body}>
          <Tabs.Panel value="config">
            <ConfigForm node={node} entry={entry} issues={own} />
          </Tabs.Panel>
          <Tabs.Panel value="settings">
            <NodeSettings node={node} entry={entry} issues={own} />
          </Tabs.Panel>
          <Tabs.Panel value="data">
            <DataTab node={node} entry={entry} />
          </Tabs.Panel>
        </div>
      </Tabs>
    </section>
  )
}

function Head({ node, entry, onClose }: { node: DefinitionNode; entry: RegistryEntry | undefined; onClose: () => void }) {
  const { editor } = useBuilder()
  const only = (act: () => void) => () => {
    editor.select({ nodes: [node.id] })
    act()
  }
  return (
    <header className={classes.head}>
      <KindTile icon={entry?.icon} kind={entry?.kind ?? 'error'} size={32} />
      <div className={classes.words}>
        <input
          className={classes.name}
          aria-label="Name of the step"
          value={node.name ?? ''}
          placeholder={node.id}
          maxLength={200}
          onChange={(event) => {
            const name = event.currentTarget.value
            editor.update(node.id, (each) => (name === '' ? without(each, 'name') : { ...each, name }), { label: 'Rename', key: `name ${node.id}` })
          }}
          data-testid="node-name"
        />
        <div className={`${classes.type} mr-ellipsis`}>
          {entry?.title ?? `Unknown type ${node.type}`} · <code>{node.id}</code>
        </div>
      </div>
      <Menu width={190}>
        <Menu.Target>
          <ActionIcon aria-label="More for this step" data-testid="node-menu">
            <IconDots size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconCopy size={15} />} onClick={only(editor.duplicate)}>
            Duplicate
          </Menu.Item>
          <Menu.Item leftSection={node.disabled ? <IconPlayerPlay size={15} /> : <IconPlayerPause size={15} />} onClick={only(editor.toggleDisabled)}>
            {node.disabled ? 'Enable' : 'Disable'}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item color="red" leftSection={<IconTrash size={15} />} onClick={() => editor.remove({ nodes: [node.id] })} data-testid="delete-node">
            Delete
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <ActionIcon aria-label="Close" onClick={onClose} data-testid="close-inspector">
        <IconX size={16} />
      </ActionIcon>
    </header>
  )
}
