import { NodeResizer, type NodeProps } from '@xyflow/react'
import { memo, useState } from 'react'
import classes from './canvas.module.css'
import { useCanvasActions } from './canvas-context'
import type { NoteNode } from './flow-nodes'

const SMALLEST = { width: 120, height: 60 }

/** Words beside the steps, or a frame around some of them. */
export const NoteView = memo(function NoteView({ data, selected, draggable }: NodeProps<NoteNode>) {
  const { note } = data
  const { changeNote } = useCanvasActions()
  return (
    <div className={classes.note} data-kind={note.kind} data-selected={selected} data-testid={`note-${note.id}`}>
      {draggable ? (
        <NodeResizer
          isVisible={selected}
          minWidth={SMALLEST.width}
          minHeight={SMALLEST.height}
          lineClassName={classes.resizeLine}
          handleClassName={classes.resizeHandle}
          onResizeEnd={(_, { x, y, width, height }) => changeNote(note.id, { x, y, width, height }, 'Resize')}
        />
      ) : null}
      <Words key={note.text} text={note.text} editable={draggable} kind={note.kind} onDone={(text) => changeNote(note.id, { text }, 'Edit the note')} />
    </div>
  )
})

function Words({ text, editable, kind, onDone }: { text: string; editable: boolean; kind: string; onDone: (text: string) => void }) {
  const [draft, setDraft] = useState(text)
  const common = {
    value: draft,
    readOnly: !editable,
    className: `${kind === 'group' ? classes.groupTitle : classes.noteText} nopan`,
    'aria-label': kind === 'group' ? 'Name of the group' : 'Note',
    placeholder: kind === 'group' ? 'Name this group' : 'Write a note…',
    onBlur: () => draft !== text && onDone(draft),
    onKeyDown: (event: React.KeyboardEvent<HTMLInputElement | HTMLTextAreaElement>) => {
      if (event.key === 'Escape' || (event.key === 'Enter' && (kind === 'group' || event.ctrlKey || event.metaKey))) event.currentTarget.blur()
    },
  }
  if (kind === 'group') return <input {...common} onChange={(event) => setDraft(event.currentTarget.value)} />
  return <textarea {...common} onChange={(event) => setDraft(event.currentTarget.value)} />
}
