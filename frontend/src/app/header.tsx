import { ActionIcon, Menu } from '@mantine/core'
import { spotlight } from '@mantine/spotlight'
import { IconArrowBackUp, IconKeyboard, IconLogout, IconMenu2, IconSearch, IconUserCircle } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { healthQuery, meQuery } from '@/api/queries/installation'
import { actIn, signOut, useSession } from '@/api/session'
import { StatusIcon } from '@/ui/status-icon'
import { Logo } from '@/ui/logo'
import classes from './shell.module.css'
import { ThemeMenu } from './theme-menu'

interface HeaderProps {
  onOpenNav: () => void
  onOpenShortcuts: () => void
}

const isMac = /mac/i.test(navigator.userAgent)

export function Header({ onOpenNav, onOpenShortcuts }: HeaderProps) {
  const me = useQuery(meQuery())
  const { workspace } = useSession()
  return (
    <header className={classes.header}>
      <ActionIcon className={classes.burger} aria-label="Open the navigation" onClick={onOpenNav}>
        <IconMenu2 size={18} />
      </ActionIcon>
      <Link to="/" className={classes.brand}>
        <Logo />
        Millrace
      </Link>
      {me.data ? (
        <Link to="/workspaces" className={`${classes.workspace} mr-ellipsis`} title="Workspaces" data-testid="workspace-name">
          {me.data.workspace.name}
        </Link>
      ) : null}
      <button type="button" className={classes.search} onClick={spotlight.open} data-testid="open-palette">
        <IconSearch size={15} aria-hidden />
        <span>Search or jump to…</span>
        <kbd className={classes.kbd} aria-hidden>{isMac ? '⌘K' : 'Ctrl K'}</kbd>
      </button>
      <div className={classes.tools}>
        <HealthLink />
        <ThemeMenu />
        <Menu width={230}>
          <Menu.Target>
            <ActionIcon aria-label="Account" data-testid="account-menu">
              <IconUserCircle size={19} stroke={1.6} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Label>{me.data ? `${me.data.key.name} · ${me.data.role}` : 'Signed in'}</Menu.Label>
            <Menu.Item leftSection={<IconKeyboard size={15} />} onClick={onOpenShortcuts}>
              Keyboard shortcuts
            </Menu.Item>
            {workspace === null ? null : (
              <Menu.Item leftSection={<IconArrowBackUp size={15} />} onClick={() => actIn(null)} data-testid="own-workspace">
                Back to your own workspace
              </Menu.Item>
            )}
            <Menu.Item leftSection={<IconLogout size={15} />} onClick={() => signOut()} data-testid="sign-out">
              Sign out
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </div>
    </header>
  )
}

/** The state of the installation at a glance; its page says which part and what to do. */
function HealthLink() {
  const health = useQuery(healthQuery())
  const status = health.isError ? 'down' : (health.data?.status ?? 'pending')
  const words = { ok: 'All systems work', degraded: 'Degraded', down: 'No answer', pending: 'Checking' }[status]
  return (
    <Link to="/health" className={classes.health} data-status={status} data-testid="health-link">
      <StatusIcon status={status} size={15} />
      <span>{words}</span>
    </Link>
  )
}
