import type { AnalyticsSearch } from '@/lib/analytics-search'
import { FilterPills } from '@/ui/filter-pill'

interface NarrowedProps {
  search: AnalyticsSearch
  onChange: (next: Partial<AnalyticsSearch>) => void
}

/** What the page is narrowed to beside its workflow. */
export function Narrowed({ search, onChange }: NarrowedProps) {
  const parts = [
    { name: 'label', words: 'Label', value: search.label },
    { name: 'version', words: 'Version', value: search.version },
    { name: 'trigger_id', words: 'Trigger', value: search.trigger_id },
  ]
  return <FilterPills parts={parts} onDrop={(name) => onChange({ [name]: undefined })} />
}
