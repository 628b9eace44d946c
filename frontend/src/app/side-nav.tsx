import { Link } from '@tanstack/react-router'
import { NAV } from './nav-items'
import classes from './shell.module.css'

export function SideNav({ onNavigate }: { onNavigate?: () => void }) {
  return (
    <nav className={classes.nav} aria-label="Main">
      {NAV.map((group, index) => (
        <ul key={index} className={classes.group}>
          {group.map(({ to, label, icon: Icon }) => (
            <li key={to}>
              <Link to={to} className={classes.item} activeOptions={{ exact: to === '/', includeSearch: false }} onClick={onNavigate} data-testid={`nav-${label.toLowerCase().replaceAll(' ', '-')}`}>
                <Icon size={17} stroke={1.75} aria-hidden />
                {label}
              </Link>
            </li>
          ))}
        </ul>
      ))}
    </nav>
  )
}
