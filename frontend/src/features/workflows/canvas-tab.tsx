import { IconAlertTriangle, IconCode, IconSitemap } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { actionsQuery } from '@/api/queries/installation'
import { triggerListQuery } from '@/api/queries/triggers'
import { DefinitionGraph, type GraphTrigger } from '@/features/builder'
import { triggerSummary } from '@/features/triggers'
import { nodeAtPointer } from '@/lib/definition'
import { EmptyState } from '@/ui/empty-state'
import { LinkButton } from '@/ui/link-button'
import { useDraft, useDraftState } from './draft/use-draft'
import { NodePanel } from './node-panel'
import classes from './workflow-page.module.css'

/** The draft as a drawing, with its triggers and with the problems at the nodes they belong to. */
export function CanvasTab() {
  const { workflow, issues } = useDraft()
  const definition = useDraftState((state) => state.definition)
  const parsed = useDraftState((state) => state.parsed)
  const registry = useQuery(actionsQuery())
  const triggers = useGraphTriggers(workflow.id)
  const [selected, setSelected] = useState<string | null>(null)
  const counts = useMemo(() => {
    const found: Record<string, { errors: number; warnings: number }> = {}
    for (const { path, severity } of issues) {
      const node = nodeAtPointer(definition, path)
      if (!node) continue
      const count = (found[node.id] ??= { errors: 0, warnings: 0 })
      if (severity === 'error') count.errors++
      else count.warnings++
    }
    return found
  }, [issues, definition])
  const node = definition.nodes.find(({ id }) => id === selected)
  return (
    <div className={classes.fill}>
      {parsed.ok ? null : (
        <div className={classes.toolbar} role="status">
          <IconAlertTriangle size={15} color="var(--mr-warning)" aria-hidden />
          The JSON has a mistake; this is the last state that could be drawn.
        </div>
      )}
      <div className={classes.stage}>
        {definition.nodes.length === 0 ? (
          <NoNodes id={workflow.id} />
        ) : registry.data ? (
          <DefinitionGraph
            definition={definition}
            registry={registry.data}
            triggers={triggers}
            issues={counts}
            selected={selected}
            onSelect={setSelected}
            label={`The workflow ${workflow.name} as a graph`}
          />
        ) : null}
        {node ? <NodePanel node={node} issues={issues.filter(({ path }) => nodeAtPointer(definition, path) === node)} onClose={() => setSelected(null)} /> : null}
      </div>
    </div>
  )
}

function useGraphTriggers(workflowId: string): GraphTrigger[] {
  const { data } = useInfiniteQuery(triggerListQuery({ workflow_id: workflowId }))
  return useMemo(
    () =>
      (data?.pages ?? [])
        .flatMap(({ items }) => items)
        .map((trigger) => ({ id: trigger.id, type: trigger.type, active: trigger.state === 'active', ...triggerSummary(trigger) })),
    [data],
  )
}

function NoNodes({ id }: { id: string }) {
  return (
    <div style={{ margin: 'auto' }}>
      <EmptyState
        icon={IconSitemap}
        title="Nothing is drawn yet"
        action={
          <LinkButton to="/workflows/$id/json" params={{ id }} leftSection={<IconCode size={15} />}>
            Write the first step
          </LinkButton>
        }
      >
        A workflow is steps and the ways between them. Write them as JSON and see them here.
      </EmptyState>
    </div>
  )
}
