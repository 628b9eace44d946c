import { Tooltip } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { NAV } from './nav-items'
import classes from './shell.module.css'

/** All places; `narrow` shows their icons only, and their names at the pointer. */
export function SideNav({ narrow = false, onNavigate }: { narrow?: boolean; onNavigate?: () => void }) {
  return (
    <nav className={classes.nav} aria-label="Main">
      {NAV.map((group, index) => (
        <ul key={index} className={classes.group}>
          {group.map(({ to, label, icon: Icon }) => (
            <li key={to}>
              <Tooltip label={label} position="right" disabled={!narrow} openDelay={150}>
                <Link to={to} className={classes.item} activeOptions={{ exact: to === '/', includeSearch: false }} onClick={onNavigate} data-testid={`nav-${label.toLowerCase().replaceAll(' ', '-')}`}>
                  <Icon size={17} stroke={1.75} aria-hidden />
                  <span>{label}</span>
                </Link>
              </Tooltip>
            </li>
          ))}
        </ul>
      ))}
    </nav>
  )
}
