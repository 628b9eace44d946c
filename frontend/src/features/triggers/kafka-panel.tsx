import { Button } from '@mantine/core'
import { IconPlayerPlay } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { patchTrigger, triggerKeys } from '@/api/queries/triggers'
import type { Trigger } from '@/api/types'
import { plural } from '@/lib/text'
import { KpiCard } from '@/ui/kpi-card'
import { notifyDone, notifyProblem } from '@/ui/notify'
import { RelativeTime } from '@/ui/relative-time'
import classes from './trigger-page.module.css'

/** How far behind a Kafka trigger is, what it could not use, and the way on when it stopped. */
export function KafkaPanel({ trigger }: { trigger: Trigger }) {
  const client = useQueryClient()
  const go = useMutation({
    mutationFn: () => patchTrigger(trigger.id, { enabled: true }),
    onSuccess: () => notifyDone('It reads again.'),
    onError: (error) => notifyProblem(error, 'Not started'),
    onSettled: () => client.invalidateQueries({ queryKey: triggerKeys.all }),
  })
  const { lag, paused_at: paused, skipped_records: skipped = 0 } = trigger
  return (
    <>
      <div className={classes.cards}>
        <KpiCard label="Behind" tone={lag ? 'waiting' : 'ok'} value={lag === null || lag === undefined ? '–' : lag.toLocaleString('en-GB')} note={lag === null || lag === undefined ? 'the broker did not say' : 'records not yet read'} testId="kafka-lag" />
        <KpiCard label="Passed over" tone={skipped > 0 ? 'warning' : 'neutral'} value={skipped.toLocaleString('en-GB')} note="records that started nothing" />
        <KpiCard label="Last record" value={<RelativeTime at={trigger.last_fired_at} none="none" />} note="that started an execution" />
      </div>
      {paused ? (
        <div className={classes.paused} data-tone="error" role="note">
          <span>
            It stopped <RelativeTime at={paused} />. {trigger.reason} {plural(skipped, 'record')} passed over.
          </span>
          <Button size="compact-sm" variant="default" leftSection={<IconPlayerPlay size={14} />} loading={go.isPending} onClick={() => go.mutate()} data-testid="read-again">
            Read on
          </Button>
        </div>
      ) : null}
    </>
  )
}
