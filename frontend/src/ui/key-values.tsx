import type { ReactNode } from 'react'
import classes from './key-values.module.css'

/** Names and values, one a line. Entries whose value is null are left out. */
export function KeyValues({ entries }: { entries: (readonly [string, ReactNode])[] }) {
  return (
    <dl className={classes.list}>
      {entries
        .filter(([, value]) => value !== null && value !== undefined)
        .map(([name, value]) => (
          <div key={name} className={classes.entry}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  )
}
