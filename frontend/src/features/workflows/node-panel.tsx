import { ActionIcon } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { actionsQuery } from '@/api/queries/installation'
import type { Issue } from '@/api/types'
import type { DefinitionNode } from '@/lib/definition'
import { JsonView } from '@/ui/json-view'
import { KeyValues } from '@/ui/key-values'
import { KindTile } from '@/ui/kind-tile'
import classes from './node-panel.module.css'

/** A step of the draft, to read: what it is, what it is given, what is wrong with it. */
export function NodePanel({ node, issues, onClose }: { node: DefinitionNode; issues: Issue[]; onClose: () => void }) {
  const { data } = useQuery(actionsQuery())
  const entry = data?.find(({ type }) => type === node.type)
  return (
    <section className={classes.panel} aria-label={node.name ?? node.id} data-testid="node-panel">
      <header className={classes.head}>
        <KindTile icon={entry?.icon} kind={entry?.kind ?? 'error'} size={32} />
        <div className={classes.words}>
          <h2 className="mr-ellipsis">{node.name ?? node.id}</h2>
          <div className="mr-dim mr-ellipsis">{entry?.title ?? node.type}</div>
        </div>
        <ActionIcon aria-label="Close" onClick={onClose}>
          <IconX size={16} />
        </ActionIcon>
      </header>
      <div className={classes.body}>
        {issues.map(({ path, message, severity }) => (
          <p key={path + message} className={classes.issue} data-tone={severity === 'error' ? 'error' : 'warning'}>
            {message}
          </p>
        ))}
        <KeyValues
          entries={[
            ['Id', <code key="id">{node.id}</code>],
            ['Type', <code key="type">{node.type}</code>],
            ['On error', node.on_error ?? 'fail'],
            ['Join', node.join ? (typeof node.join === 'string' ? node.join : `quorum of ${node.join.quorum}`) : null],
            ['Timeout', node.timeout_seconds === undefined ? null : `${node.timeout_seconds} s an attempt`],
            ['Attempts', node.retry?.max_attempts === undefined ? null : `at most ${node.retry.max_attempts}`],
            ['Disabled', node.disabled ? 'yes; it passes on at once' : null],
          ]}
        />
        <JsonView title="Config" value={node.config ?? {}} />
      </div>
    </section>
  )
}
