import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { executionDefinitionQuery } from '@/api/queries/executions'
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
  error: unknown
}

/** The definition an execution runs: its version's, or the draft as it was when it began. */
export function useExecutionDefinition(id: string | undefined): ExecutionDefinition {
  const { data: definition, error } = useQuery({ ...executionDefinitionQuery(id ?? ''), enabled: id !== undefined })
  return { definition, error }
}

interface RunGraphProps {
  execution: Execution
  registry: RegistryEntry[]
  known: ExecutionDefinition
  selected: string | null
  onSelect: (nodeId: string | null) => void
  covered?: number
}

/** The execution on its workflow's graph, nodes coloured by what became of them. */
export function RunGraph({ execution, registry, known, selected, onSelect, covered }: RunGraphProps) {
  const { definition, error } = known
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
      <div className={classes.graphStage}>
        <DefinitionGraph
          definition={definition}
          registry={registry}
          triggers={triggers}
          states={statesOf(execution.nodes, branching)}
          selected={selected}
          onSelect={onSelect}
          covered={covered}
          label="The execution as a graph"
        />
      </div>
    </div>
  )
}
