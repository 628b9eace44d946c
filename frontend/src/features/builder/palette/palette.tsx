import { ActionIcon, SegmentedControl, TextInput, Tooltip } from '@mantine/core'
import { IconChevronLeft, IconSearch } from '@tabler/icons-react'
import { useMemo, useState } from 'react'
import type { RegistryEntry } from '@/api/types'
import { KindTile } from '@/ui/kind-tile'
import { useBuilder } from '../builder-context'
import { found, shelves } from './catalogue'
import classes from './palette.module.css'
import { useDragOut } from './use-drag-out'

/** What stands at the left: steps to add, or runs to look at. */
export function Palette({ onHide }: { onHide: () => void }) {
  const { runsPanel } = useBuilder()
  const [tab, setTab] = useState('steps')
  return (
    <aside className={classes.palette} aria-label={tab === 'steps' ? 'Steps to add' : 'Past runs'} data-testid="palette">
      <div className={classes.head}>
        {runsPanel ? (
          <SegmentedControl
            fullWidth
            size="xs"
            className={classes.search}
            value={tab}
            onChange={setTab}
            aria-label="At the left"
            data={[
              { value: 'steps', label: 'Steps' },
              { value: 'runs', label: 'Runs' },
            ]}
            data-testid="palette-tab"
          />
        ) : null}
        <ActionIcon aria-label="Hide the steps" onClick={onHide}>
          <IconChevronLeft size={16} />
        </ActionIcon>
      </div>
      {tab === 'steps' ? <Steps /> : <div className={classes.shelves}>{runsPanel}</div>}
    </aside>
  )
}

/** Every step and trigger the registry serves: to drag onto the canvas, or to add with a click or Enter. */
function Steps() {
  const { registry, triggerTypes } = useBuilder()
  const [query, setQuery] = useState('')
  const entries = useMemo(() => [...triggerTypes, ...registry], [triggerTypes, registry])
  const shown = useMemo(() => shelves(query.trim() === '' ? entries : found(entries, query)), [entries, query])
  return (
    <>
      <div className={classes.find}>
        <TextInput
          className={classes.search}
          placeholder="Find a step"
          aria-label="Find a step"
          leftSection={<IconSearch size={14} aria-hidden />}
          value={query}
          onChange={(event) => setQuery(event.currentTarget.value)}
          data-testid="palette-search"
        />
      </div>
      <div className={classes.shelves}>
        {shown.length === 0 ? <p className="mr-dim">No step is called “{query}”.</p> : null}
        {shown.map(({ kind, title, entries: own }) => (
          <section key={kind}>
            <h3 className={classes.shelf}>{title}</h3>
            {own.map((entry) => (
              <Item key={entry.type} entry={entry} />
            ))}
          </section>
        ))}
      </div>
    </>
  )
}

function Item({ entry }: { entry: RegistryEntry }) {
  const { editor, onNewTrigger } = useBuilder()
  const add = () => (entry.kind === 'trigger' ? onNewTrigger(entry.type) : editor.add(entry.type))
  const drag = useDragOut(entry, editor, entry.kind === 'trigger' ? () => onNewTrigger(entry.type) : undefined)
  return (
    <Tooltip label={entry.description.replaceAll('`', '')} position="right" multiline w={260} openDelay={500}>
      <button type="button" className={classes.item} data-testid={`pal-${entry.type}`} data-kind={entry.kind} {...drag} onClick={(event) => !event.defaultPrevented && add()}>
        <KindTile icon={entry.icon} kind={entry.kind} size={26} />
        <span className={`${classes.name} mr-ellipsis`}>{entry.title}</span>
      </button>
    </Tooltip>
  )
}
