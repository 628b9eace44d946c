import { useMantineColorScheme } from '@mantine/core'
import { Spotlight, type SpotlightActionData, type SpotlightActionGroupData } from '@mantine/spotlight'
import { IconBolt, IconBox, IconKeyboard, IconLock, IconLogout, IconPlayerPlay, IconPlus, IconSearch, IconSitemap } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { credentialListQuery } from '@/api/queries/credentials'
import { actionsQuery } from '@/api/queries/installation'
import { triggerListQuery } from '@/api/queries/triggers'
import { workflowNamesQuery } from '@/api/queries/workflows'
import { signOut } from '@/api/session'
import { triggerSummary } from '@/lib/trigger-words'
import { NAV } from './nav-items'
import { THEMES } from './theme-menu'

const icon = (Icon: typeof IconBox) => <Icon size={17} stroke={1.75} aria-hidden />

/** Everything by name: pages, workflows, triggers, credentials, executions, node types, and what can be done from anywhere. */
export default function CommandPalette({ onShortcuts }: { onShortcuts: () => void }) {
  const navigate = useNavigate()
  const { setColorScheme } = useMantineColorScheme()
  const [query, setQuery] = useState('')
  const [asked, setAsked] = useState(false)
  const workflows = useQuery({ ...workflowNamesQuery(), enabled: asked })
  const types = useQuery({ ...actionsQuery(), enabled: asked })

  const triggers = useInfiniteQuery({ ...triggerListQuery({}, 200), enabled: asked, refetchInterval: false })
  const credentials = useQuery({ ...credentialListQuery(), enabled: asked })
  const wanted = query.trim()
  // All at once: a list that grows under the arrow keys loses what was chosen.
  const ready = !workflows.isPending && !triggers.isPending && !credentials.isPending

  const places = NAV.flat().map(({ to, label, about, icon: Icon }): SpotlightActionData => ({
    id: `go${to}`, label, description: about, leftSection: icon(Icon), onClick: () => void navigate({ to }),
  }))
  const found = (workflows.data?.items ?? []).map(({ id, name, slug }): SpotlightActionData => ({
    id, label: name, description: slug, keywords: [id], leftSection: icon(IconSitemap), onClick: () => void navigate({ to: '/workflows/$id', params: { id } }),
  }))
  const nodeTypes = (types.data ?? []).map(({ type, title, description }): SpotlightActionData => ({
    id: `type-${type}`, label: title, description, keywords: [type], leftSection: icon(IconBox), onClick: () => void navigate({ to: '/node-types', search: { type } }),
  }))
  const nameOf = (id: string) => workflows.data?.items.find((each) => each.id === id)?.name ?? 'A deleted workflow'
  const starts = (triggers.data?.pages.flatMap(({ items }) => items) ?? []).map((trigger): SpotlightActionData => {
    const { title, subtitle } = triggerSummary(trigger)
    return { id: trigger.id, label: `${title} ${subtitle}`, description: `starts ${nameOf(trigger.workflow_id)}`, keywords: [trigger.id], leftSection: icon(IconBolt), onClick: () => void navigate({ to: '/triggers/$id', params: { id: trigger.id } }) }
  })
  const secrets = (credentials.data?.items ?? []).map(({ id, name, slug }): SpotlightActionData => ({
    id, label: name, description: `credential ${slug}`, keywords: [slug, id], leftSection: icon(IconLock), onClick: () => void navigate({ to: '/credentials' }),
  }))
  const executions: SpotlightActionData[] = /^exe_[0-9a-z]{26}$/.test(wanted)
    ? [{ id: 'execution', label: `Open execution ${wanted}`, leftSection: icon(IconPlayerPlay), onClick: () => void navigate({ to: '/executions/$id', params: { id: wanted } }) }]
    : [{ id: 'executions', label: `Executions with “${wanted}”`, description: 'In their input or their error', leftSection: icon(IconPlayerPlay), onClick: () => void navigate({ to: '/executions', search: { q: wanted } }) }]
  const commands: SpotlightActionData[] = [
    { id: 'new', label: 'New workflow', leftSection: icon(IconPlus), onClick: () => void navigate({ to: '/workflows', search: { new: true } }) },
    { id: 'new-credential', label: 'New credential', leftSection: icon(IconPlus), onClick: () => void navigate({ to: '/credentials', search: { new: true } }) },
    { id: 'new-action', label: 'New custom action', leftSection: icon(IconPlus), onClick: () => void navigate({ to: '/custom-actions/new' }) },
    ...THEMES.map(({ value, label, icon: Icon }) => ({ id: `theme-${value}`, label: `Theme: ${label.toLowerCase()}`, leftSection: icon(Icon), onClick: () => setColorScheme(value) })),
    { id: 'keys', label: 'Keyboard shortcuts', leftSection: icon(IconKeyboard), onClick: onShortcuts },
    { id: 'out', label: 'Sign out', leftSection: icon(IconLogout), onClick: () => signOut() },
  ]
  const groups: SpotlightActionGroupData[] = [
    { group: 'Go to', actions: places },
    { group: 'Workflows', actions: ready ? found : [] },
    { group: 'Do', actions: commands },
    { group: 'Triggers', actions: wanted && ready ? starts : [] },
    { group: 'Credentials', actions: wanted && ready ? secrets : [] },
    { group: 'Executions', actions: wanted.length >= 3 && ready ? executions : [] },
    { group: 'Node types', actions: wanted ? nodeTypes : [] },
  ]
  return (
    <Spotlight
      actions={groups}
      query={query}
      onQueryChange={setQuery}
      onSpotlightOpen={() => setAsked(true)}
      nothingFound="Nothing has this name"
      highlightQuery
      scrollable
      maxHeight={420}
      limit={24}
      shortcut={['mod + K', '/']}
      searchProps={{ leftSection: <IconSearch size={17} aria-hidden />, placeholder: 'Search or jump to…', 'aria-label': 'Search or jump to' }}
    />
  )
}
