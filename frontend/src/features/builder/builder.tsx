import { ActionIcon, SegmentedControl, Tooltip } from '@mantine/core'
import { useDisclosure, useLocalStorage, useMediaQuery } from '@mantine/hooks'
import { IconChevronRight, IconPlus } from '@tabler/icons-react'
import { lazy, Suspense, useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import type { Issue, RegistryEntry } from '@/api/types'
import type { Definition } from '@/lib/definition'
import { ErrorBoundary } from '@/ui/error-boundary'
import { Loading } from '@/ui/loading'
import { BuilderProvider, type RunData } from './builder-context'
import classes from './builder.module.css'
import { BuilderStage } from './builder-stage'
import { draw, type GraphTrigger } from './graph/model'
import { Inspector } from './inspector/inspector'
import { useBuilderKeys } from './keyboard/use-builder-keys'
import { graphAt, nodeAt, placeOf } from './model/scope'
import { Palette } from './palette/palette'
import { Picker } from './palette/picker'
import { makeEditor, type BuilderDocument, type Editor } from './store/editor'
import { useStore } from 'zustand'

export interface BuilderProps {
  document: BuilderDocument
  definition: Definition
  registry: readonly RegistryEntry[]
  triggerTypes: readonly RegistryEntry[]
  triggers: readonly GraphTrigger[]
  issues: readonly Issue[]
  run: RunData | null
  workflowId: string
  label: string
  onNewTrigger: (type: string) => void
  triggerPanel: (triggerId: string, close: () => void) => ReactNode
  dataPanel?: (nodeId: string) => ReactNode
  /** Past runs, to choose one that the canvas shows. */
  runsPanel?: ReactNode
  /** Runs the draft up to a step. */
  onRunTo?: (nodeId: string) => void
  /** Shown in place of what is edited: exactly what a past run ran. */
  instead?: ReactNode
  /** What the page puts over the canvas: the run that is shown, a hint. */
  banner?: ReactNode
  /** Told the editor once, so that the page can lead to a problem. */
  onEditor?: (editor: Editor) => void
}

const Outline = lazy(() => import('./outline/outline').then(({ Outline: component }) => ({ default: component })))
const NO_ENTRY = undefined

/** The builder: palette, canvas or outline, inspector. */
export default function Builder(props: BuilderProps) {
  const { document, definition, registry, onEditor } = props
  const types = useRef(registry)
  useEffect(() => {
    types.current = registry
  })
  const [editor] = useState(() => makeEditor(document, () => types.current))
  useEffect(() => onEditor?.(editor), [editor, onEditor])
  useBuilderKeys(editor)
  const scope = useStore(editor.ui, (state) => state.scope)
  const graph = useMemo(() => graphAt(definition, scope), [definition, scope])
  // A loop whose body was open may be gone: by undo, or in the JSON.
  useEffect(() => {
    if (graph === null) editor.enter([])
  }, [editor, graph])
  const phone = useMediaQuery('(max-width: 720px)', window.innerWidth <= 720)
  const [chosenView, setView] = useLocalStorage<'canvas' | 'outline'>({ key: 'millrace.builder-view', defaultValue: 'canvas' })
  const [phoneView, setPhoneView] = useState<'canvas' | 'outline'>('outline')
  const view = phone ? phoneView : chosenView
  const beside = useStore(editor.ui, ({ opened }) => opened !== null && opened !== 'trigger:new')
  const [palette, { toggle }] = useDisclosure(!phone)
  const counts = useCounts(definition, props.issues, scope)
  const triggers = scope.length > 0 ? NONE : props.triggers.length > 0 ? props.triggers : definition.nodes.length > 0 ? GHOST : NONE
  const drawing = useMemo(() => draw({ definition: { schema: 'millrace/1', ...(graph ?? { nodes: [], edges: [] }) }, registry: registry as RegistryEntry[], triggers: triggers as GraphTrigger[] }), [graph, registry, triggers])
  const value = useMemo(() => ({ ...props, editor }), [props, editor])
  return (
    <BuilderProvider value={value}>
      <div className={classes.builder} data-view={view} data-beside={beside}>
        {palette && !phone ? <Palette onHide={toggle} /> : null}
        <div className={classes.main}>
          {props.banner}
          <div className={classes.stage}>
            <div className={classes.bar} hidden={Boolean(props.instead)}>
              {palette && !phone ? null : (
                <Tooltip label="Show the steps">
                  <ActionIcon aria-label="Show the steps to add" variant="default" onClick={phone ? () => editor.ui.setState({ picker: { target: { end: true }, screen: { x: 20, y: 120 } } }) : toggle} data-testid="show-palette">
                    <IconPlus size={16} />
                  </ActionIcon>
                </Tooltip>
              )}
              <Breadcrumb editor={editor} definition={definition} scope={scope} />
              <SegmentedControl
                size="xs"
                value={view}
                onChange={(next) => (phone ? setPhoneView(next) : setView(next))}
                aria-label="View"
                data={[
                  { value: 'canvas', label: 'Canvas' },
                  { value: 'outline', label: 'Outline' },
                ]}
                data-testid="builder-view"
              />
            </div>
            {props.instead ? (
              props.instead
            ) : view === 'outline' ? (
              <Suspense fallback={<Loading />}>
                <Outline counts={counts} />
              </Suspense>
            ) : (
              <ErrorBoundary>
                <BuilderStage drawing={drawing} counts={counts} label={props.label} />
              </ErrorBoundary>
            )}
            {props.instead ? null : <Inspector />}
            <Refusal editor={editor} />
          </div>
        </div>
        <Picker />
      </div>
    </BuilderProvider>
  )
}

const NONE: readonly GraphTrigger[] = []
/** Where a trigger would stand. */
const GHOST: readonly GraphTrigger[] = [{ id: 'new', type: 'api', title: 'Add a trigger', subtitle: 'HTTP, schedule, Kafka', active: false }]

function Breadcrumb({ editor, definition, scope }: { editor: Editor; definition: Definition; scope: string[] }) {
  if (scope.length === 0) return null
  return (
    <nav className={classes.crumbs} aria-label="Where you are">
      <button type="button" onClick={() => editor.enter([])} data-testid="crumb-top">
        Workflow
      </button>
      {scope.map((id, depth) => (
        <span key={id}>
          <IconChevronRight size={13} aria-hidden />
          <button type="button" onClick={() => editor.enter(scope.slice(0, depth + 1))} aria-current={depth === scope.length - 1 ? 'page' : NO_ENTRY}>
            {nodeAt(definition, scope.slice(0, depth + 1))?.name ?? id}
          </button>
        </span>
      ))}
    </nav>
  )
}

/** Why something was refused; it goes by itself. */
function Refusal({ editor }: { editor: Editor }) {
  const reason = useStore(editor.ui, (state) => state.refusal)
  useEffect(() => {
    if (reason === null) return undefined
    const timer = window.setTimeout(() => editor.refuse(null), 6_000)
    return () => window.clearTimeout(timer)
  }, [editor, reason])
  return (
    <div className={classes.refusal} role="status" data-shown={reason !== null} data-testid="connect-reason">
      {reason}
    </div>
  )
}

function useCounts(definition: Definition, issues: readonly Issue[], scope: readonly string[]): Record<string, { errors: number; warnings: number }> {
  return useMemo(() => {
    const found: Record<string, { errors: number; warnings: number }> = {}
    for (const { path, severity } of issues) {
      const place = placeOf(definition, path)
      // A problem within a loop's body shows at the loop, seen from outside.
      const inside = place.scope.slice(0, scope.length).join('/') === scope.join('/')
      const id = !inside ? null : place.scope.length > scope.length ? place.scope[scope.length] : place.node
      if (id === null || id === undefined) continue
      const count = (found[id] ??= { errors: 0, warnings: 0 })
      if (severity === 'error') count.errors++
      else count.warnings++
    }
    return found
  }, [definition, issues, scope])
}
