/** The places of the app, in the order the navigation and the palette show them. */
import { IconBolt, IconBox, IconChartBar, IconHeartbeat, IconHome, IconKey, IconLock, IconMailForward, IconMailOff, IconPlayerPlay, IconPlugX, IconPuzzle, IconShieldCheck, IconSitemap, IconStack2, IconUsers, type TablerIcon } from '@tabler/icons-react'

export interface NavItem {
  to: '/' | '/workflows' | '/executions' | '/analytics' | '/triggers' | '/messages' | '/dead-letters' | '/health' | '/credentials' | '/custom-actions' | '/node-types' | '/api-keys' | '/members' | '/workspaces' | '/audit' | '/plug'
  label: string
  icon: TablerIcon
  /** The second key after `g`. */
  key: string
  about: string
}

const PLACES: NavItem[][] = [
  [
    { to: '/', label: 'Home', icon: IconHome, key: 'h', about: 'What is running, and how the installation is' },
    { to: '/workflows', label: 'Workflows', icon: IconSitemap, key: 'w', about: 'Draw, publish and run' },
    { to: '/executions', label: 'Executions', icon: IconPlayerPlay, key: 'e', about: 'Everything that ran or runs' },
    { to: '/analytics', label: 'Analytics', icon: IconChartBar, key: 'a', about: 'How executions ended, and how long they took' },
    { to: '/triggers', label: 'Triggers', icon: IconBolt, key: 't', about: 'HTTP, schedules, Kafka and workflows' },
    { to: '/messages', label: 'Messages', icon: IconMailForward, key: 's', about: 'What was sent, and what became of it' },
    { to: '/dead-letters', label: 'Dead letters', icon: IconMailOff, key: 'd', about: 'Records no execution could be made of' },
  ],
  [
    { to: '/credentials', label: 'Credentials', icon: IconLock, key: 'c', about: 'What steps act as' },
    { to: '/custom-actions', label: 'Custom actions', icon: IconPuzzle, key: 'm', about: 'Node types of your own' },
    { to: '/node-types', label: 'Node types', icon: IconBox, key: 'n', about: 'What can stand in a workflow' },
    { to: '/api-keys', label: 'API keys', icon: IconKey, key: 'k', about: 'Who may call the API' },
    { to: '/members', label: 'Members', icon: IconUsers, key: 'u', about: 'The people of this workspace, and what they may do' },
    { to: '/workspaces', label: 'Workspaces', icon: IconStack2, key: 'o', about: 'Each with workflows, keys and people of its own' },
    { to: '/audit', label: 'Audit log', icon: IconShieldCheck, key: 'i', about: 'Who changed what, and whether the log is whole' },
    { to: '/health', label: 'Health', icon: IconHeartbeat, key: 'l', about: 'Every part, every host, and what to do' },
  ],
]

const PLUG: NavItem = { to: '/plug', label: 'Pull the plug', icon: IconPlugX, key: 'p', about: 'Kill the workers, and watch an order go on' }

export const NAV: readonly (readonly NavItem[])[] = PLACES

/** Told before the first page: on a host that shows what it can do there is one place more. */
export function offerDemo(): void {
  PLACES[0]?.push(PLUG)
}
