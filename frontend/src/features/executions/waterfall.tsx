import { Tooltip } from '@mantine/core'
import type { Execution, RegistryEntry } from '@/api/types'
import { isLive, statusLabel, toneOf } from '@/lib/status'
import { formatDuration } from '@/lib/time'
import { useNow } from '@/lib/use-now'
import { KindTile } from '@/ui/kind-tile'
import { StatusIcon } from '@/ui/status-icon'
import classes from './waterfall.module.css'
import { layOutWaterfall, type Bar, type Row, type Tick } from './waterfall-layout'

interface WaterfallProps {
  execution: Execution
  registry: RegistryEntry[]
  names: Record<string, string>
  selected: string | null
  onSelect: (key: string | null) => void
}

/** When each step ran, waited and was tried again. */
export function WaterfallChart({ execution, registry, names, selected, onSelect }: WaterfallProps) {
  const live = isLive(execution.status)
  const now = useNow(500, live)
  const { rows, ticks } = layOutWaterfall(execution.nodes, { createdAt: execution.created_at, finishedAt: execution.finished_at }, now)
  const types = new Map(registry.map((entry) => [entry.type, entry]))
  return (
    <div className={classes.chart} data-testid="waterfall">
      <div className={classes.axis} aria-hidden>
        <span />
        <div className={classes.track}>
          {ticks.map((tick) => (
            <span key={tick.label} className={classes.tick} style={{ left: `${tick.at * 100}%` }}>
              {tick.label}
            </span>
          ))}
        </div>
      </div>
      <ol className={classes.rows} aria-label="Steps by time">
        {rows.map((row) => (
          <li key={row.key}>
            <StepRow row={row} entry={types.get(row.type)} name={names[row.nodeId] ?? row.nodeId} ticks={ticks} selected={row.key === selected} onSelect={onSelect} />
          </li>
        ))}
      </ol>
    </div>
  )
}

interface StepRowProps {
  row: Row
  entry: RegistryEntry | undefined
  name: string
  ticks: Tick[]
  selected: boolean
  onSelect: (key: string | null) => void
}

function StepRow({ row, entry, name, ticks, selected, onSelect }: StepRowProps) {
  const took = row.bars.reduce((sum, bar) => sum + bar.milliseconds, 0)
  const last = row.bars.at(-1)
  const end = last ? Math.max(last.left + last.width, last.planned ?? 0) : 0
  const words = `${name}${row.iteration ? ` ${row.iteration}` : ''}: ${statusLabel(row.status)}${row.bars.length > 0 ? `, ${formatDuration(took)}` : ''}${row.attempts > 1 ? `, ${row.attempts} attempts` : ''}`
  return (
    <button
      type="button"
      className={classes.row}
      aria-pressed={selected}
      aria-label={words}
      onClick={() => onSelect(selected ? null : row.key)}
      data-testid={`run-${row.key}`}
      data-status={row.status}
    >
      <span className={classes.name}>
        <KindTile icon={entry?.icon} kind={entry?.kind ?? 'action'} size={24} />
        <span className="mr-ellipsis">
          {name}
          {row.iteration ? <span className="mr-dim"> {row.iteration}</span> : null}
        </span>
        {row.attempts > 1 ? <span className={classes.attempts}>×{row.attempts}</span> : null}
        <StatusIcon status={row.status} size={15} />
      </span>
      <span className={classes.track}>
        {ticks.map((tick) => (
          <span key={tick.label} className={classes.line} style={{ left: `${tick.at * 100}%` }} />
        ))}
        {row.bars.map((bar) => (
          <BarView key={bar.attempt} bar={bar} attempts={row.attempts} />
        ))}
        {row.bars.length > 0 ? (
          <span className={classes.took} data-side={end > 0.82 ? 'before' : 'after'} style={end > 0.82 ? { right: `${(1 - (row.bars[0]?.left ?? 0)) * 100}%` } : { left: `${end * 100}%` }}>
            {formatDuration(took)}
          </span>
        ) : (
          <span className={classes.took} style={{ left: 0 }}>
            {row.status === 'skipped' ? 'skipped' : ''}
          </span>
        )}
      </span>
    </button>
  )
}

function BarView({ bar, attempts }: { bar: Bar; attempts: number }) {
  const tone = toneOf(bar.status)
  const label = `${attempts > 1 ? `Attempt ${bar.attempt}: ` : ''}${statusLabel(bar.status)}, ${formatDuration(bar.milliseconds)}`
  return (
    <>
      <Tooltip label={label}>
        <span className={classes.bar} data-tone={tone} data-status={bar.status} style={{ left: `${bar.left * 100}%`, width: `max(4px, ${bar.width * 100}%)` }} />
      </Tooltip>
      {bar.planned === null ? null : (
        <span className={classes.planned} data-tone={tone} style={{ left: `${(bar.left + bar.width) * 100}%`, width: `${(bar.planned - bar.left - bar.width) * 100}%` }} />
      )}
    </>
  )
}
