import { useDisclosure } from '@mantine/hooks'
import { Button } from '@mantine/core'
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react'
import type { AnalyticsFilter, Point, Series } from '@/api/queries/analytics'
import { formatClock } from '@/lib/time'
import { DataTable, type Column } from '@/ui/data-table'
import classes from './analytics-page.module.css'
import { endedWithin, spanOf } from './drill'
import { count, seconds } from './figures'
import { Within } from './tables'

interface PointsTableProps {
  series: Series
  filter: AnalyticsFilter
}

/** The points of both charts as a table: for the keyboard, for who does not see them, and to read a figure off. Points at which nothing ended are left out. */
export function PointsTable({ series, filter }: PointsTableProps) {
  const [open, shown] = useDisclosure(false)
  return (
    <div className={classes.asTable} data-testid="points">
      <Button variant="subtle" color="gray" size="compact-sm" leftSection={open ? <IconChevronDown size={14} /> : <IconChevronRight size={14} />} onClick={shown.toggle} aria-expanded={open} data-testid="show-points">
        Each point as a row
      </Button>
      {open ? (
        <div className={`mr-card ${classes.points}`} tabIndex={0} role="region" aria-label="Points">
          <DataTable label="Points" columns={columnsOf(series, filter)} rows={series.items.filter(({ total }) => total > 0).reverse()} rowKey={({ at }) => at} testId={({ at }) => `point-${at}`} />
        </div>
      ) : null}
    </div>
  )
}

function columnsOf({ bucket_seconds }: Series, filter: AnalyticsFilter): Column<Point>[] {
  const now = Date.now()
  const ended = (key: 'total' | 'succeeded' | 'failed' | 'cancelled', header: string, hide?: 'sm'): Column<Point> => ({
    key,
    header,
    align: 'right',
    hide,
    render: (point) => (
      <span className="mr-num">
        <Within search={endedWithin(filter, spanOf(point.at, bucket_seconds), { status: key === 'total' ? undefined : key })}>{count(point[key])}</Within>
      </span>
    ),
  })
  const took = (key: 'p50' | 'p95' | 'p99'): Column<Point> => ({ key, header: key, align: 'right', hide: 'sm', render: (point) => <span className="mr-num">{seconds(point[key])}</span> })
  return [
    { key: 'at', header: 'From', render: ({ at }) => formatClock(Date.parse(at), now) },
    ended('total', 'Ended'),
    ended('succeeded', 'Succeeded'),
    ended('failed', 'Failed'),
    ended('cancelled', 'Cancelled', 'sm'),
    took('p50'),
    took('p95'),
    took('p99'),
  ]
}
