import { Skeleton } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Tone } from '@/lib/status'
import classes from './kpi-card.module.css'
import { Sparkline } from './sparkline'

export interface KpiCardProps {
  label: string
  value: ReactNode
  note?: ReactNode
  tone?: Tone
  series?: number[]
  loading?: boolean
  testId?: string
}

/** One number with its name, and its recent course where that is known. */
export function KpiCard({ label, value, note, tone = 'neutral', series, loading = false, testId }: KpiCardProps) {
  return (
    <div className={`mr-card ${classes.card}`} data-tone={tone} data-testid={testId}>
      <div className={classes.label}>{label}</div>
      <div className={classes.line}>
        <div className={`${classes.value} mr-num`}>{loading ? <Skeleton height={22} width={48} my={5} /> : value}</div>
        {series && series.some((height) => height > 0) ? <Sparkline values={series} /> : null}
      </div>
      <div className={classes.note}>{loading ? '\u00a0' : note}</div>
    </div>
  )
}
