import type { Trigger } from '@/api/types'
import { CopyButton } from '@/ui/copy-button'
import { KeyValues } from '@/ui/key-values'
import { RelativeTime } from '@/ui/relative-time'
import { StatusBadge } from '@/ui/status-badge'
import { Ledger } from './ledger'
import { reasonWords } from '@/lib/trigger-words'
import classes from './trigger-page.module.css'
import { TriggerSwitch } from './triggers-list'

/** How a trigger is, in short. */
export function TriggerState({ trigger }: { trigger: Trigger }) {
  return (
    <>
      <KeyValues
        entries={[
          ['State', <StatusBadge key="state" status={trigger.state} />],
          ['Why', reasonWords(trigger.reason)],
          ['Enabled', <TriggerSwitch key="enabled" trigger={trigger} />],
          ['Last fired', <RelativeTime key="last" at={trigger.last_fired_at} none="never" />],
          ['Next', trigger.next_fire_at ? <RelativeTime key="next" at={trigger.next_fire_at} /> : null],
        ]}
      />
      {trigger.url ? (
        <div className={classes.url}>
          <code>{trigger.url}</code>
          <CopyButton value={trigger.url} label="Copy the URL" />
        </div>
      ) : null}
      {trigger.type === 'schedule' ? <Ledger trigger={trigger} /> : null}
    </>
  )
}
