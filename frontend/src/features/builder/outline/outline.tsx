import { ActionIcon, Button, Menu } from '@mantine/core'
import { IconAlertTriangleFilled, IconCornerDownRight, IconDots, IconPlus } from '@tabler/icons-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { statusLabel } from '@/lib/status'
import { plural } from '@/lib/text'
import { KindTile } from '@/ui/kind-tile'
import { StatusIcon } from '@/ui/status-icon'
import { useBuilder, useUi } from '../builder-context'
import { outputPorts, subtitleOf } from '../graph/model'
import { graphAt } from '../model/scope'
import { StepMenuItems } from '../menu/step-menu'
import classes from './outline.module.css'
import { rowsOf, type Row } from './rows'

/** The workflow as a list with levels. Everything the canvas can do can be done here with the keyboard alone, and on a phone. */
export function Outline({ counts }: { counts: Record<string, { errors: number; warnings: number }> }) {
  const { editor, definition } = useBuilder()
  const scope = useUi((state) => state.scope)
  const chosen = useUi((state) => state.nodes[0] ?? null)
  const graph = useMemo(() => graphAt(definition, scope) ?? { nodes: [], edges: [] }, [definition, scope])
  const rows = useMemo(() => rowsOf(graph, (node) => outputPorts(node, editor.entryOf(node.type), [])), [graph, editor])
  const [at, setAt] = useState<string | null>(null)
  const list = useRef<HTMLDivElement>(null)
  const current = rows.find(({ key }) => key === at) ?? rows.find(({ key }) => key === chosen) ?? rows[0]

  // A step that was just added is where the reader is.
  useEffect(() => {
    if (chosen !== null) setAt(chosen)
  }, [chosen])

  const go = (index: number) => {
    const row = rows[Math.max(0, Math.min(index, rows.length - 1))]
    if (!row) return
    setAt(row.key)
    list.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(row.key)}"]`)?.focus()
    if (row.kind === 'step') editor.select({ nodes: [row.node.id] })
  }
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (!current || event.target !== event.currentTarget.querySelector('[tabindex="0"]')) return
    const index = rows.indexOf(current)
    if (event.key === 'ArrowDown') go(index + 1)
    else if (event.key === 'ArrowUp') go(index - 1)
    else if (event.key === 'Home') go(0)
    else if (event.key === 'End') go(rows.length - 1)
    else if (event.key === 'Enter' || event.key === ' ') activate(current)
    else if (event.key === 'a') add(current)
    else if (event.key === 'Delete' || event.key === 'Backspace') remove(current)
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  const boxOf = (row: Row) => list.current?.querySelector(`[data-key="${CSS.escape(row.key)}"]`)?.getBoundingClientRect()
  const add = (row: Row) => {
    const box = boxOf(row)
    const screen = { x: (box?.left ?? 100) + 40, y: (box?.bottom ?? 100) + 40 }
    if (row.kind === 'port') editor.ui.setState({ picker: { target: { after: row.from, port: row.port }, screen } })
    else if (row.kind === 'goto') editor.ui.setState({ picker: { target: { edge: row.edge }, screen } })
    else {
      const port = editor.openPort(row.node)
      editor.ui.setState({ picker: { target: port === null ? { end: true } : { after: row.node.id, port }, screen } })
    }
  }
  const remove = (row: Row) => (row.kind === 'step' ? editor.remove({ nodes: [row.node.id] }) : row.kind === 'goto' ? editor.remove({ edges: [row.edge] }) : undefined)
  const activate = (row: Row) => {
    if (row.kind === 'port') return add(row)
    const id = row.kind === 'step' ? row.node.id : row.to.id
    editor.select({ nodes: [id] })
    editor.open(id)
    window.setTimeout(() => document.querySelector<HTMLElement>('[data-testid="inspector"] input')?.focus(), 60)
  }
  return (
    <div className={classes.outline}>
      {rows.length === 0 ? (
        <div className={classes.empty}>
          <p className="mr-dim">No step yet.</p>
          <Button leftSection={<IconPlus size={15} />} onClick={(event) => editor.ui.setState({ picker: { target: { end: true }, screen: { x: event.currentTarget.getBoundingClientRect().left, y: 160 } } })} data-testid="outline-first">
            Add the first step
          </Button>
        </div>
      ) : null}
      <div ref={list} role="tree" aria-label="Steps of the workflow" onKeyDown={onKeyDown} data-testid="outline">
        {rows.map((row) => (
          <Line key={row.key} row={row} focusable={row === current} counts={counts} onFocus={() => setAt(row.key)} onActivate={() => activate(row)} onAdd={() => add(row)} />
        ))}
      </div>
      {rows.length > 0 ? (
        <p className={classes.keys}>
          <kbd>↑</kbd> <kbd>↓</kbd> move, <kbd>Enter</kbd> opens, <kbd>a</kbd> adds a step after, <kbd>Delete</kbd> removes
        </p>
      ) : null}
    </div>
  )
}

interface LineProps {
  row: Row
  focusable: boolean
  counts: Record<string, { errors: number; warnings: number }>
  onFocus: () => void
  onActivate: () => void
  onAdd: () => void
}

function Line({ row, focusable, counts, onFocus, onActivate, onAdd }: LineProps) {
  const { editor, run } = useBuilder()
  const selected = useUi((state) => row.kind === 'step' && state.nodes.includes(row.node.id))
  const common = {
    className: classes.row,
    role: 'treeitem',
    'aria-level': row.level + 1,
    'aria-selected': selected,
    tabIndex: focusable ? 0 : -1,
    style: { paddingLeft: 8 + row.level * 18 },
    'data-key': row.key,
    onFocus,
    onClick: onActivate,
  }
  if (row.kind === 'port') {
    return (
      <div {...common} data-kind="port" data-testid={`outline-${row.from}-${row.port}`}>
        <span className={classes.port}>
          <span className="mr-visually-hidden">By </span>
          {row.port}
        </span>
        {row.empty ? <span className="mr-dim">nothing follows</span> : null}
        <Add label={`Add a step by ${row.port}`} onAdd={onAdd} />
      </div>
    )
  }
  if (row.kind === 'goto') {
    return (
      <div {...common} data-kind="goto">
        <IconCornerDownRight size={15} aria-hidden />
        <span className="mr-dim">goes on at</span> {row.to.name ?? row.to.id}
      </div>
    )
  }
  const { node } = row
  const entry = editor.entryOf(node.type)
  const count = counts[node.id]
  const status = run?.states[node.id]?.status
  return (
    <div {...common} data-testid={`outline-${node.id}`} data-status={status} data-disabled={node.disabled}>
      <KindTile icon={entry?.icon} kind={entry?.kind ?? 'error'} size={28} />
      <span className={classes.words}>
        <span className="mr-ellipsis">{node.name ?? node.id}</span>
        <span className={`${classes.about} mr-ellipsis`}>{entry ? subtitleOf(node, entry) : `unknown type ${node.type}`}</span>
      </span>
      {status ? <StatusIcon status={status} size={16} label={statusLabel(status)} /> : null}
      {count && count.errors + count.warnings > 0 ? (
        <span data-tone={count.errors > 0 ? 'error' : 'warning'} className={classes.issues}>
          <IconAlertTriangleFilled size={15} color="var(--tone)" role="img" aria-label={plural(count.errors + count.warnings, 'problem')} />
        </span>
      ) : null}
      <Add label={`Add a step after ${node.name ?? node.id}`} onAdd={onAdd} />
      <span onClick={(event) => event.stopPropagation()} onKeyDown={(event) => event.stopPropagation()}>
        <Menu width={230}>
          <Menu.Target>
            <ActionIcon aria-label={`More for ${node.name ?? node.id}`} tabIndex={focusable ? 0 : -1} size={28} data-testid={`outline-menu-${node.id}`}>
              <IconDots size={15} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <StepMenuItems id={node.id} onOpen={onActivate} />
          </Menu.Dropdown>
        </Menu>
      </span>
    </div>
  )
}

function Add({ label, onAdd }: { label: string; onAdd: () => void }) {
  return (
    <ActionIcon
      aria-label={label}
      tabIndex={-1}
      size={28}
      onClick={(event) => {
        event.stopPropagation()
        onAdd()
      }}
    >
      <IconPlus size={15} />
    </ActionIcon>
  )
}
