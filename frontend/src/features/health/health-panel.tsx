import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { healthQuery } from '@/api/queries/installation'
import { ErrorPanel } from '@/ui/error-panel'
import { Section } from '@/ui/page'
import { StatusBadge } from '@/ui/status-badge'
import { adviceFor, PARTS } from './advice'
import classes from './health-panel.module.css'

/** Every part of the installation: whether it works, what was found, what to do. */
export function HealthPanel({ title = 'Health', wide = false }: { title?: string; wide?: boolean }) {
  const { data, error, refetch } = useQuery(healthQuery())
  if (error) return <ErrorPanel error={error} onRetry={() => void refetch()} />
  return (
    <Section title={title} aside={data ? <StatusBadge status={data.status} label={data.status === 'ok' ? 'All well' : undefined} testId="health-status" /> : null} flush testId="health">
      <ul className={classes.parts} data-wide={wide}>
        {PARTS.map(({ part, title, about }) => {
          const check = data?.checks[part]
          const advice = check ? adviceFor(part, check.status) : null
          return (
            <li key={part} className={classes.part} data-testid={`health-${part}`} data-status={check?.status}>
              <div className={classes.line}>
                <strong>{title}</strong>
                {check ? <StatusBadge status={check.status} label={check.status === 'ok' ? 'OK' : undefined} /> : <Skeleton width={48} height={18} />}
              </div>
              <p className={classes.detail}>{check ? check.detail : about}</p>
              {advice ? <p className={classes.advice}>{advice}</p> : null}
            </li>
          )
        })}
      </ul>
    </Section>
  )
}
