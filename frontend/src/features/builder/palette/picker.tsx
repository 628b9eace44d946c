import { TextInput } from '@mantine/core'
import { useClickOutside } from '@mantine/hooks'
import { IconSearch } from '@tabler/icons-react'
import { useEffect, useId, useMemo, useRef, useState } from 'react'
import { KindTile } from '@/ui/kind-tile'
import { useBuilder, useUi } from '../builder-context'
import type { PickerState } from '../store/ui-store'
import { found, shelves } from './catalogue'
import classes from './palette.module.css'

/** The list of step types at a plus or at the end of a dragged connection: type, arrow keys, Enter. */
export function Picker() {
  const picker = useUi((state) => state.picker)
  return picker ? <Open key={JSON.stringify(picker)} picker={picker} /> : null
}

const WIDTH = 300
const HEIGHT = 380

function Open({ picker }: { picker: PickerState }) {
  const { editor, registry } = useBuilder()
  const [query, setQuery] = useState('')
  const [at, setAt] = useState(0)
  const id = useId()
  const list = useRef<HTMLDivElement>(null)
  const close = () => editor.ui.setState({ picker: null })
  const box = useClickOutside<HTMLDivElement>(close)
  const entries = useMemo(() => (query.trim() === '' ? shelves(registry).flatMap((shelf) => shelf.entries) : found(registry, query)), [registry, query])
  useEffect(() => {
    void list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' })
  }, [at])
  const choose = (type: string) => editor.add(type, picker.target)
  const left = Math.max(8, Math.min(picker.screen.x + 12, window.innerWidth - WIDTH - 8))
  const top = Math.max(8, Math.min(picker.screen.y - 40, window.innerHeight - HEIGHT - 8))
  return (
    <div ref={box} className={classes.picker} style={{ left, top }} role="dialog" aria-label="Add a step" data-testid="picker">
      <TextInput
        className={classes.search}
        autoFocus
        placeholder="Which step?"
        aria-label="Which step?"
        role="combobox"
        aria-expanded
        aria-controls={id}
        aria-activedescendant={entries[at] ? `${id}-${at}` : undefined}
        leftSection={<IconSearch size={14} aria-hidden />}
        value={query}
        onChange={(event) => {
          setQuery(event.currentTarget.value)
          setAt(0)
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') setAt(Math.min(at + 1, entries.length - 1))
          else if (event.key === 'ArrowUp') setAt(Math.max(at - 1, 0))
          else if (event.key === 'Enter' && entries[at]) choose(entries[at].type)
          else if (event.key === 'Escape') close()
          else return
          event.preventDefault()
          event.stopPropagation()
        }}
        data-testid="picker-search"
      />
      <div ref={list} id={id} className={classes.options} role="listbox" aria-label="Steps" tabIndex={-1}>
        {entries.length === 0 ? <p className="mr-dim" style={{ padding: 8 }}>No step is called “{query}”.</p> : null}
        {entries.map((entry, index) => (
          <div key={entry.type} id={`${id}-${index}`} className={classes.item} role="option" aria-selected={index === at} onClick={() => choose(entry.type)} onPointerMove={() => setAt(index)} data-testid={`pick-${entry.type}`}>
            <KindTile icon={entry.icon} kind={entry.kind} size={28} />
            <span className={classes.words}>
              <span className={classes.name}>{entry.title}</span>
              <span className={`${classes.about} mr-ellipsis`}>{entry.description.replaceAll('`', '')}</span>
            </span>
          </div>
        ))}
      </div>
    </div>
  )
}
