import { ActionIcon, Tooltip } from '@mantine/core'
import { IconArrowBackUp, IconArrowForwardUp, IconFocusCentered, IconMap, IconMinus, IconPlus, IconSparkles } from '@tabler/icons-react'
import { Panel, useReactFlow } from '@xyflow/react'
import { useState, type ReactNode } from 'react'
import { notifyProblem } from '@/ui/notify'
import { arranged } from '../graph/layout'
import type { Drawing } from '../graph/model'
import type { Editor } from '../store/editor'
import classes from './canvas.module.css'

interface ControlsProps {
  editor: Editor | undefined
  drawing: Drawing
  /** Whether the overview shows; null where there is none to show. */
  map: boolean | null
  onMap: (on: boolean) => void
}

export function Controls({ editor, drawing, map, onMap }: ControlsProps) {
  const flow = useReactFlow()
  const [busy, setBusy] = useState(false)
  const tidy = async () => {
    setBusy(true)
    try {
      const places = await arranged(drawing)
      editor?.move(Object.fromEntries(Object.entries(places).filter(([id]) => !id.startsWith('trigger:'))), { label: 'Tidy up' })
      window.setTimeout(() => void flow.fitView({ duration: 250, maxZoom: 1, padding: 0.12 }), 30)
    } catch (error) {
      notifyProblem(error, 'Not tidied')
    } finally {
      setBusy(false)
    }
  }
  return (
    <Panel position="bottom-left" className={classes.controls}>
      <Tool label="Zoom in" onClick={() => void flow.zoomIn({ duration: 120 })}>
        <IconPlus size={15} />
      </Tool>
      <Tool label="Zoom out" onClick={() => void flow.zoomOut({ duration: 120 })}>
        <IconMinus size={15} />
      </Tool>
      <Tool label="Show everything" onClick={() => void flow.fitView({ duration: 250, maxZoom: 1, padding: 0.12 })} testId="fit">
        <IconFocusCentered size={15} />
      </Tool>
      {map === null ? null : (
        <Tool label={map ? 'Hide the overview' : 'Show the overview'} onClick={() => onMap(!map)}>
          <IconMap size={15} />
        </Tool>
      )}
      {editor ? (
        <>
          <Tool label="Tidy up" onClick={() => void tidy()} testId="tidy" loading={busy}>
            <IconSparkles size={15} />
          </Tool>
          <Tool label="Undo" onClick={editor.undo} testId="undo">
            <IconArrowBackUp size={15} />
          </Tool>
          <Tool label="Redo" onClick={editor.redo} testId="redo">
            <IconArrowForwardUp size={15} />
          </Tool>
        </>
      ) : null}
    </Panel>
  )
}

function Tool({ label, onClick, testId, loading, children }: { label: string; onClick: () => void; testId?: string; loading?: boolean; children: ReactNode }) {
  return (
    <Tooltip label={label} position="right">
      <ActionIcon aria-label={label} onClick={onClick} data-testid={testId} loading={loading} size={30}>
        {children}
      </ActionIcon>
    </Tooltip>
  )
}
