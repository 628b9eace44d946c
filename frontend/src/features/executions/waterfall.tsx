import { Tooltip } from '@mantine/core'
import type { Execution, RegistryEntry } from '@/api/types'
import { isLive, statusLabel, toneOf } from '@/lib/status'
import { formatDuration } from '@/lib/time'
import { useNow } from '@/lib/use-now'
import { KindTile } from '@/ui/kind-tile'
import { StatusIcon } from '@/ui/status-icon'
import type { Fold, Tick } from './time-scale'
import classes from './waterfall.module.css'
import { layOutWaterfall, type Bar, type Row } from './waterfall-layout'

interface WaterfallProps {
  execution: Execution
  registry: RegistryEntry[]
  names: Record<string, string>
  selected: string | null
  onSelect: (key: string | null) => void
}

const percent = (fraction: number): string => `${fraction * 100}%`

/** When each step ran, waited and was tried again. */
export function WaterfallChart({ execution, registry, names, selected, onSelect }: WaterfallProps) {
  const live = isLive(execution.status)
  const now = useNow(500, live)
  const types = new Map(registry.map((entry) => [entry.type, entry]))
  const { rows, ticks, folds } = layOutWaterfall(
    execution.nodes,
    { createdAt: execution.created_at, finishedAt: execution.finished_at },
    now,
    (run) => run.status === 'waiting' || types.get(run.type)?.kind === 'wait',
  )
  return (
    <div className={classes.chart} data-testid="waterfall">
      <div className={classes.axis} aria-hidden>
        <span />
        <div className={classes.track}>
          {ticks.map((tick) => (
            <span key={tick.label} className={classes.tick} data-edge={tick.at > 0.95} style={{ left: percent(tick.at) }}>
              {tick.label}
            </span>
          ))}
        </div>
      </div>
      <ol className={classes.rows} aria-label="Steps by time">
        {rows.map((row) => (
          <li key={row.key}>
            <StepRow row={row} entry={types.get(row.type)} name={names[row.nodeId] ?? row.nodeId} ticks={ticks} folds={folds} selected={row.key === selected} onSelect={onSelect} />
          </li>
        ))}
      </ol>
      {folds.length > 0 ? <p className={classes.note}>Time in which nothing but waiting happened is drawn shorter.</p> : null}
    </div>
  )
}

interface StepRowProps {
  row: Row
  entry: RegistryEntry | undefined
  name: string
  ticks: Tick[]
  folds: Fold[]
  selected: boolean
  onSelect: (key: string | null) => void
}

function StepRow({ row, entry, name, ticks, folds, selected, onSelect }: StepRowProps) {
  const took = formatDuration(row.bars.reduce((sum, bar) => sum + bar.milliseconds, 0))
  return (
    <button type="button" className={classes.row} aria-pressed={selected} onClick={() => onSelect(selected ? null : row.key)} data-testid={`run-${row.key}`} data-status={row.status}>
      <span className={classes.name}>
        <KindTile icon={entry?.icon} kind={entry?.kind ?? 'action'} size={24} />
        <span className="mr-ellipsis">
          {name}
          {row.iteration ? <span className="mr-dim"> {row.iteration}</span> : null}
        </span>
        {row.attempts > 1 ? <span className={classes.attempts}>×{row.attempts}</span> : null}
        <StatusIcon status={row.status} size={15} label={statusLabel(row.status)} />
      </span>
      <span className={classes.track}>
        {folds.map((fold) => (
          <span key={fold.left} className={classes.fold} style={{ left: percent(fold.left), width: percent(fold.width) }} />
        ))}
        {ticks.map((tick) => (
          <span key={tick.label} className={classes.line} style={{ left: percent(tick.at) }} />
        ))}
        {row.bars.map((bar) => (
          <BarView key={bar.attempt} bar={bar} attempts={row.attempts} />
        ))}
        <Took row={row} words={row.bars.length > 0 ? took : row.status} />
      </span>
    </button>
  )
}

/** How long it took, beside the bar where there is room, else on it. */
function Took({ row, words }: { row: Row; words: string }) {
  const last = row.bars.at(-1)
  const left = row.bars[0]?.left ?? 0
  const right = last ? Math.max(last.left + last.width, last.planned ?? 0) : 0
  const side = right < 0.86 ? 'after' : left > 0.14 ? 'before' : 'on'
  const style = side === 'after' ? { left: percent(right) } : side === 'before' ? { right: percent(1 - left) } : { right: 8 }
  return (
    <span className={classes.took} data-side={side} style={style}>
      {words}
    </span>
  )
}

function BarView({ bar, attempts }: { bar: Bar; attempts: number }) {
  const tone = toneOf(bar.status)
  const label = `${attempts > 1 ? `Attempt ${bar.attempt}: ` : ''}${statusLabel(bar.status)}, ${formatDuration(bar.milliseconds)}`
  const end = bar.left + bar.width
  return (
    <>
      <Tooltip label={label}>
        <span className={classes.bar} data-tone={tone} data-status={bar.status} style={{ left: percent(bar.left), width: `max(4px, ${percent(bar.width)})` }} />
      </Tooltip>
      {bar.planned === null ? null : <span className={classes.planned} data-tone={tone} style={{ left: percent(end), width: percent(bar.planned - end) }} />}
    </>
  )
}
