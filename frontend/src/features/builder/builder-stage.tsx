import { Button } from '@mantine/core'
import { IconBolt, IconPlus } from '@tabler/icons-react'
import { lazy, Suspense, useMemo, useState } from 'react'
import { Loading } from '@/ui/loading'
import { useBuilder, useUi } from './builder-context'
import classes from './builder.module.css'
import type { Drawing } from './graph/model'
import { pinnedOutput } from './inspector/expression-scope'
import { ContextMenu, type OpenMenu } from './menu/context-menu'
import { graphAt, notesAt } from './model/scope'

const Canvas = lazy(() => import('./canvas/canvas'))
const INSPECTOR = 384

/** The canvas with what belongs to it: menu, empty state. */
export function BuilderStage({ drawing, counts, label }: { drawing: Drawing; counts: Record<string, { errors: number; warnings: number }>; label: string }) {
  const { editor, definition, run, onNewTrigger } = useBuilder()
  const scope = useUi((state) => state.scope)
  const nodes = useUi((state) => state.nodes)
  const edges = useUi((state) => state.edges)
  const notesChosen = useUi((state) => state.notes)
  const opened = useUi((state) => state.opened)
  const [menu, setMenu] = useState<OpenMenu | null>(null)
  const notes = useMemo(() => notesAt(definition, scope), [definition, scope])
  const pinned = useMemo(() => new Set((graphAt(definition, scope)?.nodes ?? []).filter(({ ui }) => pinnedOutput(ui) !== undefined).map(({ id }) => id)), [definition, scope])
  const selected = useMemo(() => ({ nodes, edges, notes: notesChosen }), [nodes, edges, notesChosen])
  const keep = useMemo(() => (opened === null ? null : { id: opened, right: INSPECTOR }), [opened])
  const empty = drawing.nodes.every(({ isTrigger }) => isTrigger)
  return (
    <>
      <Suspense fallback={<Loading label="Loading the canvas" />}>
        <Canvas
          key={scope.join('/')}
          drawing={drawing}
          label={label}
          notes={notes}
          states={run?.states}
          issues={counts}
          pinned={pinned}
          editor={editor}
          selected={selected}
          onOpen={(id) => (id === 'trigger:new' ? onNewTrigger('api') : editor.open(id))}
          onMenu={(id, screen) => setMenu({ id, screen })}
          keep={keep}
        />
      </Suspense>
      {empty ? (
        <div className={classes.empty} data-testid="empty-canvas">
          <h2>{scope.length > 0 ? 'What happens for each item?' : 'What should happen?'}</h2>
          <p>Drag a step from the left, press <kbd>a</kbd>, or paste a curl command or copied steps.</p>
          <div>
            <Button leftSection={<IconPlus size={15} />} onClick={(event) => editor.ui.setState({ picker: { target: { end: true }, screen: { x: event.clientX || 500, y: event.clientY || 300 } } })} data-testid="first-step">
              Add the first step
            </Button>
            {scope.length === 0 && drawing.nodes.length === 0 ? (
              <Button variant="default" leftSection={<IconBolt size={15} />} onClick={() => onNewTrigger('api')}>
                Add a trigger
              </Button>
            ) : null}
          </div>
        </div>
      ) : null}
      <ContextMenu menu={menu} onClose={() => setMenu(null)} />
    </>
  )
}
