import { UnstyledButton } from '@mantine/core'
import classes from '../forms.module.css'

const COMMON: [string, string][] = [
  ['every 15 minutes', '*/15 * * * *'],
  ['every hour', '0 * * * *'],
  ['every day at 9', '0 9 * * *'],
  ['on weekdays at 9', '0 9 * * MON-FRI'],
  ['on the 1st', '0 9 1 * *'],
  ['on the last day', '0 18 L * *'],
]

/** Expressions to begin with. */
export function CronHelp({ onChoose }: { onChoose: (cron: string) => void }) {
  return (
    <div className={classes.chips} role="group" aria-label="Common schedules">
      {COMMON.map(([words, cron]) => (
        <UnstyledButton key={cron} className={classes.chip} title={cron} onClick={() => onChoose(cron)}>
          {words}
        </UnstyledButton>
      ))}
    </div>
  )
}
