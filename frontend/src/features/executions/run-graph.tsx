import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { versionQuery, workflowQuery } from '@/api/queries/workflows'
import type { Execution, RegistryEntry } from '@/api/types'
import { DefinitionGraph, type GraphTrigger } from '@/features/builder'
import type { Definition } from '@/lib/definition'
import { ErrorPanel } from '@/ui/error-panel'
import { Loading } from '@/ui/loading'
import classes from './execution-page.module.css'
import { branchingNodes, statesOf } from './run-states'
import { triggerDetail, triggerName } from './trigger-words'

interface ExecutionDefinition {
  definition: Definition | undefined
  /** The draft may have changed since; then the drawing is not exactly what ran. */
  isDraft: boolean
  error: unknown
}

/** The definition an execution runs: its version's, or the draft as it is now for a run of a draft. */
export function useExecutionDefinition({ workflow_id: id, version }: Pick<Execution, 'workflow_id' | 'version'>): ExecutionDefinition {
  const isDraft = version === 'draft'
  const published = useQuery({ ...versionQuery(id, isDraft ? 0 : version), enabled: !isDraft })
  const draft = useQuery({ ...workflowQuery(id), enabled: isDraft })
  return isDraft
    ? { definition: draft.data?.workflow.definition, isDraft, error: draft.error }
    : { definition: published.data?.definition, isDraft, error: published.error }
}

interface RunGraphProps {
  execution: Execution
  registry: RegistryEntry[]
  known: ExecutionDefinition
  selected: string | null
  onSelect: (nodeId: string | null) => void
}

/** The execution on its workflow's graph, nodes coloured by what became of them. */
export function RunGraph({ execution, registry, known, selected, onSelect }: RunGraphProps) {
  const { definition, isDraft, error } = known
  const { trigger } = execution
  const triggers = useMemo(
    (): GraphTrigger[] => [{ id: trigger.id ?? 'start', type: trigger.type, title: triggerName(trigger), subtitle: triggerDetail(trigger) || 'started it', active: true }],
    [trigger],
  )
  const branching = useMemo(() => branchingNodes(definition), [definition])
  if (error) return <ErrorPanel error={error} />
  if (!definition) return <Loading />
  return (
    <div className={classes.graph}>
      {isDraft ? (
        <Text size="xs" c="dimmed" px="lg" py={6}>
          This ran a draft; it is drawn as the draft is now.
        </Text>
      ) : null}
      <div className={classes.graphStage}>
        <DefinitionGraph
          definition={definition}
          registry={registry}
          triggers={triggers}
          states={statesOf(execution.nodes, branching)}
          selected={selected}
          onSelect={onSelect}
          label="The execution as a graph"
        />
      </div>
    </div>
  )
}
