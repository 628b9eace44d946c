import { TextInput } from '@mantine/core'
import { IconBox, IconSearch } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { actionsQuery, triggerTypesQuery } from '@/api/queries/installation'
import type { RegistryEntry } from '@/api/types'
import { EmptyState } from '@/ui/empty-state'
import { ErrorPanel } from '@/ui/error-panel'
import { KindTile } from '@/ui/kind-tile'
import { Page } from '@/ui/page'
import classes from './registry-page.module.css'
import { TypeDocs } from './type-docs'

const route = getRouteApi('/shell/node-types')

const KINDS: [string, string][] = [
  ['trigger', 'Triggers'],
  ['action', 'Actions'],
  ['notify', 'Messages'],
  ['logic', 'Logic'],
  ['wait', 'Waiting'],
  ['data', 'Data'],
  ['sub-workflow', 'Sub-workflows'],
  ['error', 'Endings'],
]

export function RegistryPage() {
  const { type } = route.useSearch()
  const actions = useQuery(actionsQuery())
  const triggers = useQuery(triggerTypesQuery())
  const [text, setText] = useState('')
  const all = [...(triggers.data ?? []), ...(actions.data ?? [])]
  const wanted = text.trim().toLowerCase()
  const found = all.filter((entry) => `${entry.title} ${entry.type} ${entry.description}`.toLowerCase().includes(wanted))
  const chosen = all.find((entry) => entry.type === type) ?? found.find(({ kind }) => kind !== 'trigger') ?? found[0]
  const error = actions.error ?? triggers.error
  return (
    <Page title="Node types" description="What can stand in a workflow, and what can start one, as this installation has it.">
      {error ? <ErrorPanel error={error} onRetry={() => void Promise.all([actions.refetch(), triggers.refetch()])} /> : null}
      <div className={classes.columns}>
        <nav className={`mr-card ${classes.list}`} aria-label="Types">
          <TextInput leftSection={<IconSearch size={15} aria-hidden />} placeholder="Search" aria-label="Search types" value={text} onChange={(event) => setText(event.currentTarget.value)} />
          {groupsOf(found).map(([title, entries]) => (
            <section key={title} aria-label={title}>
              <h2 className={classes.kind}>{title}</h2>
              {entries.map((entry) => (
                <TypeLink key={entry.type} entry={entry} active={entry === chosen} />
              ))}
            </section>
          ))}
        </nav>
        {chosen ? <TypeDocs key={chosen.type} entry={chosen} /> : actions.isSuccess ? <EmptyState icon={IconBox} title="Nothing matches" /> : null}
      </div>
    </Page>
  )
}

function groupsOf(entries: RegistryEntry[]): [string, RegistryEntry[]][] {
  const known = new Set(KINDS.map(([kind]) => kind))
  const groups = KINDS.map(([kind, title]): [string, RegistryEntry[]] => [title, entries.filter((entry) => entry.kind === kind)])
  return [...groups, ['Others', entries.filter(({ kind }) => !known.has(kind))] as [string, RegistryEntry[]]].filter(([, group]) => group.length > 0)
}

function TypeLink({ entry, active }: { entry: RegistryEntry; active: boolean }) {
  return (
    <Link to="/node-types" search={{ type: entry.type }} replace className={classes.type} data-active={active} aria-current={active ? 'page' : undefined} activeProps={{}} data-testid={`type-${entry.type}`}>
      <KindTile icon={entry.icon} kind={entry.kind} size={26} />
      <span className="mr-ellipsis">{entry.title}</span>
      <code className="mr-dim">{entry.type}</code>
    </Link>
  )
}
