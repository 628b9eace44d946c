import { useMantineColorScheme } from '@mantine/core'
import { Spotlight, type SpotlightActionData, type SpotlightActionGroupData } from '@mantine/spotlight'
import { IconBox, IconKeyboard, IconLogout, IconPlayerPlay, IconPlus, IconSearch, IconSitemap } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { actionsQuery } from '@/api/queries/installation'
import { workflowNamesQuery } from '@/api/queries/workflows'
import { signOut } from '@/api/session'
import { NAV } from './nav-items'
import { THEMES } from './theme-menu'

const icon = (Icon: typeof IconBox) => <Icon size={17} stroke={1.75} aria-hidden />

/** Everything by name: pages, workflows, node types, an execution's id, and what can be done from anywhere. */
export default function CommandPalette({ onShortcuts }: { onShortcuts: () => void }) {
  const navigate = useNavigate()
  const { setColorScheme } = useMantineColorScheme()
  const [query, setQuery] = useState('')
  const [asked, setAsked] = useState(false)
  const workflows = useQuery({ ...workflowNamesQuery(), enabled: asked })
  const types = useQuery({ ...actionsQuery(), enabled: asked })

  const places = NAV.flat().map(({ to, label, about, icon: Icon }): SpotlightActionData => ({
    id: `go${to}`, label, description: about, leftSection: icon(Icon), onClick: () => void navigate({ to }),
  }))
  const found = (workflows.data?.items ?? []).map(({ id, name, slug }): SpotlightActionData => ({
    id, label: name, description: slug, keywords: [id], leftSection: icon(IconSitemap), onClick: () => void navigate({ to: '/workflows/$id', params: { id } }),
  }))
  const nodeTypes = (types.data ?? []).map(({ type, title, description }): SpotlightActionData => ({
    id: `type-${type}`, label: title, description, keywords: [type], leftSection: icon(IconBox), onClick: () => void navigate({ to: '/node-types', search: { type } }),
  }))
  const commands: SpotlightActionData[] = [
    { id: 'new', label: 'New workflow', leftSection: icon(IconPlus), onClick: () => void navigate({ to: '/workflows', search: { new: true } }) },
    ...THEMES.map(({ value, label, icon: Icon }) => ({ id: `theme-${value}`, label: `Theme: ${label.toLowerCase()}`, leftSection: icon(Icon), onClick: () => setColorScheme(value) })),
    { id: 'keys', label: 'Keyboard shortcuts', leftSection: icon(IconKeyboard), onClick: onShortcuts },
    { id: 'out', label: 'Sign out', leftSection: icon(IconLogout), onClick: () => signOut() },
  ]
  const groups: SpotlightActionGroupData[] = [
    { group: 'Go to', actions: places },
    { group: 'Workflows', actions: found },
    { group: 'Do', actions: commands },
    { group: 'Node types', actions: query ? nodeTypes : [] },
  ]
  const id = query.trim()
  if (/^exe_[0-9a-z]{26}$/.test(id)) {
    const open = { id: 'execution', label: `Open execution ${id}`, keywords: [id], leftSection: icon(IconPlayerPlay), onClick: () => void navigate({ to: '/executions/$id', params: { id } }) }
    groups.unshift({ group: 'Executions', actions: [open] })
  }
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
