import { CloseButton } from '@mantine/core'
import classes from './filter-pill.module.css'

export interface Narrowing {
  name: string
  words: string
  value: string | undefined
}

interface FilterPillsProps {
  parts: readonly Narrowing[]
  onDrop: (name: string) => void
}

/** What a page is narrowed to, each to be taken away again. Nothing where it is not narrowed. */
export function FilterPills({ parts, onDrop }: FilterPillsProps) {
  const given = parts.filter(({ value }) => value !== undefined)
  if (given.length === 0) return null
  return (
    <div className={classes.pills} role="group" aria-label="Narrowed to">
      {given.map(({ name, words, value }) => (
        <span key={name} className={classes.pill} data-testid={`narrowed-${name}`}>
          <span>
            {words} <strong>{value}</strong>
          </span>
          <CloseButton size="xs" aria-label={`Show every ${words.toLowerCase()}`} onClick={() => onDrop(name)} />
        </span>
      ))}
    </div>
  )
}
