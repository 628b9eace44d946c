import { useQuery } from '@tanstack/react-query'
import { triggerHealthQuery } from '@/api/queries/triggers'
import type { Trigger } from '@/api/types'
import { Section } from '@/ui/page'
import { RelativeTime } from '@/ui/relative-time'
import { StatusBadge } from '@/ui/status-badge'
import { reasonWords } from '@/lib/trigger-words'
import classes from './trigger-page.module.css'

/** When it did not work, and why. Not there while it always did. */
export function HealthChanges({ trigger }: { trigger: Trigger }) {
  const changes = useQuery(triggerHealthQuery(trigger.id)).data ?? []
  if (changes.length === 0) return null
  return (
    <Section title="Health" testId="health-changes">
      <ol className={classes.changes}>
        {changes.slice(0, 12).map(({ at, state, reason }) => (
          <li key={at + state}>
            <StatusBadge status={state} />
            <span className={classes.note}>{reasonWords(reason) ?? 'It works again.'}</span>
            <RelativeTime at={at} />
          </li>
        ))}
      </ol>
    </Section>
  )
}
