import { IconChevronRight } from '@tabler/icons-react'
import { useState } from 'react'
import classes from './json-tree.module.css'

const SHOWN = 100
const LONG = 300

interface NodeProps {
  name?: string
  value: unknown
  depth: number
  openTo: number
}

/** A JSON value to look into: objects and lists fold, long texts are cut until asked for. */
export function JsonTree({ value, openTo = 2, label }: { value: unknown; openTo?: number; label: string }) {
  return (
    <div className={classes.tree} role="group" aria-label={label}>
      <TreeNode value={value} depth={0} openTo={openTo} />
    </div>
  )
}

function TreeNode({ name, value, depth, openTo }: NodeProps) {
  if (typeof value !== 'object' || value === null) {
    return (
      <div className={classes.row}>
        <span className={classes.gap} />
        <Name name={name} />
        <Leaf value={value} />
      </div>
    )
  }
  return <Branch name={name} value={value} depth={depth} openTo={openTo} />
}

function Branch({ name, value, depth, openTo }: NodeProps & { value: object }) {
  const [open, setOpen] = useState(depth < openTo)
  const [shown, setShown] = useState(SHOWN)
  const isList = Array.isArray(value)
  const entries: [string, unknown][] = Object.entries(value)
  const brackets = isList ? ['[', ']'] : ['{', '}']
  if (entries.length === 0) {
    return (
      <div className={classes.row}>
        <span className={classes.gap} />
        <Name name={name} />
        <span className={classes.dim}>{brackets.join('')}</span>
      </div>
    )
  }
  const count = `${entries.length} ${isList ? 'item' : 'field'}${entries.length === 1 ? '' : 's'}`
  return (
    <div>
      <button type="button" className={classes.toggle} aria-expanded={open} onClick={() => setOpen(!open)}>
        <IconChevronRight size={13} className={classes.chevron} data-open={open} aria-hidden />
        <Name name={name} />
        <span className={classes.dim}>{open ? brackets[0] : `${brackets[0]} ${count} ${brackets[1]}`}</span>
      </button>
      {open ? (
        <div className={classes.children}>
          {entries.slice(0, shown).map(([key, inner]) => (
            <TreeNode key={key} name={key} value={inner} depth={depth + 1} openTo={openTo} />
          ))}
          {entries.length > shown ? (
            <button type="button" className={classes.more} onClick={() => setShown(shown + 500)}>
              Show {Math.min(500, entries.length - shown)} more of {entries.length}
            </button>
          ) : null}
        </div>
      ) : null}
    </div>
  )
}

function Name({ name }: { name?: string }) {
  return name === undefined ? null : (
    <>
      <span className={classes.name}>{name}</span>
      <span className={classes.dim}>: </span>
    </>
  )
}

function Leaf({ value }: { value: unknown }) {
  const [whole, setWhole] = useState(false)
  if (typeof value === 'string') {
    if (value === '[redacted]') return <span className={classes.redacted}>redacted</span>
    const long = value.length > LONG && !whole
    return (
      <span className={classes.string}>
        {JSON.stringify(long ? value.slice(0, LONG) : value)}
        {long ? (
          <button type="button" className={classes.more} onClick={() => setWhole(true)}>
            … all {value.length.toLocaleString('en')} characters
          </button>
        ) : null}
      </span>
    )
  }
  return <span className={typeof value === 'number' ? classes.number : classes.word}>{String(value)}</span>
}
