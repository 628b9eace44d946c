/** What the page is narrowed to beside its workflow, each to be taken away again. */
import { CloseButton } from '@mantine/core'
import type { AnalyticsSearch } from '@/lib/analytics-search'
import classes from './analytics-page.module.css'

interface NarrowedProps {
  search: AnalyticsSearch
  onChange: (next: Partial<AnalyticsSearch>) => void
}

export function Narrowed({ search, onChange }: NarrowedProps) {
  const parts = [
    { name: 'label' as const, words: 'Label', value: search.label },
    { name: 'version' as const, words: 'Version', value: search.version },
    { name: 'trigger_id' as const, words: 'Trigger', value: search.trigger_id },
  ].filter(({ value }) => value !== undefined)
  if (parts.length === 0) return null
  return (
    <div className={classes.narrowed} role="group" aria-label="Narrowed to">
      {parts.map(({ name, words, value }) => (
        <span key={name} className={classes.pill} data-testid={`narrowed-${name}`}>
          {words} <strong>{value}</strong>
          <CloseButton size="xs" aria-label={`Show every ${words.toLowerCase()}`} onClick={() => onChange({ [name]: undefined })} />
        </span>
      ))}
    </div>
  )
}
