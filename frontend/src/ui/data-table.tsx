import { Skeleton } from '@mantine/core'
import type { ReactNode } from 'react'
import classes from './data-table.module.css'

export interface Column<Row> {
  key: string
  header: ReactNode
  render: (row: Row) => ReactNode
  width?: number | string
  align?: 'right'
  /** Left out on narrower windows: `md` below 980 px, `sm` below 720 px. */
  hide?: 'md' | 'sm'
}

export interface DataTableProps<Row> {
  label: string
  columns: Column<Row>[]
  rows: readonly Row[]
  rowKey: (row: Row) => string
  loading?: boolean
  empty?: ReactNode
  testId?: (row: Row) => string
  /** Long texts take several lines instead of being cut. */
  wrap?: boolean
}

/** A dense table: 40-px rows; a RowLink in the first column makes the whole row clickable. */
export function DataTable<Row>({ label, columns, rows, rowKey, loading = false, empty, testId, wrap = false }: DataTableProps<Row>) {
  if (!loading && rows.length === 0) return <>{empty}</>
  return (
    <div className={classes.scroll}>
      <table className={classes.table} data-wrap={wrap} aria-label={label} aria-busy={loading}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.key} scope="col" style={{ width: column.width }} data-align={column.align} data-hide={column.hide}>
                {column.header}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {loading && rows.length === 0 ? <Loading columns={columns} /> : null}
          {rows.map((row) => (
            <tr key={rowKey(row)} data-testid={testId?.(row)}>
              {columns.map((column) => (
                <td key={column.key} data-align={column.align} data-hide={column.hide}>
                  {column.render(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Loading<Row>({ columns }: { columns: Column<Row>[] }) {
  return [0, 1, 2, 3, 4].map((line) => (
    <tr key={line} className={classes.loading}>
      {columns.map((column, index) => (
        <td key={column.key} data-hide={column.hide}>
          <Skeleton height={10} width={index === 0 ? '70%' : '50%'} radius="sm" />
        </td>
      ))}
    </tr>
  ))
}
