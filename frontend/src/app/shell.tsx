import { Drawer } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Outlet, useLocation } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { ErrorBoundary } from '@/ui/error-boundary'
import { ConnectionBanner } from './connection-banner'
import { Header } from './header'
import classes from './shell.module.css'
import { useShortcuts } from './shortcuts'
import { SideNav } from './side-nav'

const CommandPalette = lazy(() => import('./command-palette'))
const ShortcutSheet = lazy(() => import('./shortcut-sheet'))

/** The frame of every page: header, navigation, the page itself. */
export function Shell() {
  const [navOpen, nav] = useDisclosure(false)
  const [sheetOpen, sheet] = useDisclosure(false)
  useShortcuts(sheet.open)
  // A workflow needs the width: the navigation is a strip of icons beside it.
  const narrow = useLocation({ select: ({ pathname }) => /^\/workflows\/./.test(pathname) })
  return (
    <div className={classes.shell} data-narrow={narrow}>
      <a className={classes.skip} href="#main" onClick={skipToMain}>
        Skip to the page
      </a>
      <Header onOpenNav={nav.open} onOpenShortcuts={sheet.open} />
      <aside className={classes.aside}>
        <SideNav narrow={narrow} />
      </aside>
      <Drawer opened={navOpen} onClose={nav.close} size={248} title="Millrace" withinPortal>
        <SideNav onNavigate={nav.close} />
      </Drawer>
      <main id="main" className={classes.main} tabIndex={-1}>
        <ConnectionBanner />
        <ErrorBoundary>
          <Outlet />
        </ErrorBoundary>
      </main>
      <Suspense fallback={null}>
        <CommandPalette onShortcuts={sheet.open} />
        {sheetOpen ? <ShortcutSheet onClose={sheet.close} /> : null}
      </Suspense>
    </div>
  )
}

/** The hash is the router's, so the focus is moved by hand. */
function skipToMain(event: React.MouseEvent): void {
  event.preventDefault()
  document.getElementById('main')?.focus()
}
