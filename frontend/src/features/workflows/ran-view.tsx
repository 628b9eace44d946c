import { Button } from '@mantine/core'
import { IconArrowBackUp } from '@tabler/icons-react'
import { useState } from 'react'
import type { Execution, RegistryEntry } from '@/api/types'
import { RunGraph, StepData, useExecutionDefinition } from '@/features/executions'
import type { Definition } from '@/lib/definition'
import { KindTile } from '@/ui/kind-tile'
import classes from './workflow-page.module.css'

interface RanViewProps {
  execution: Execution
  registry: RegistryEntry[]
  onTake: (definition: Definition) => void
}

/** Exactly what an execution ran, to look at, with the data of each step; it can become the draft again. */
export function RanView({ execution, registry, onTake }: RanViewProps) {
  const known = useExecutionDefinition(execution.id)
  const [selected, setSelected] = useState<string | null>(null)
  const node = known.definition?.nodes.find(({ id }) => id === selected)
  const entry = registry.find(({ type }) => type === node?.type)
  return (
    <div className={classes.ran} data-testid="ran-view">
      <RunGraph execution={execution} registry={registry} known={known} selected={selected} covered={384} onSelect={(id) => setSelected(id?.startsWith('trigger:') ? null : id)} />
      {known.definition ? (
        <Button className={classes.take} variant="default" size="compact-sm" leftSection={<IconArrowBackUp size={14} />} onClick={() => known.definition && onTake(known.definition)} data-testid="take-ran">
          Make this the draft
        </Button>
      ) : null}
      {node ? (
        <section className={classes.ranPanel} aria-label={`Step ${node.name ?? node.id}`} data-testid="ran-panel">
          <header>
            <KindTile icon={entry?.icon} kind={entry?.kind ?? 'error'} size={28} />
            <strong className="mr-ellipsis">{node.name ?? node.id}</strong>
          </header>
          <StepData key={node.id} execution={execution} nodeId={node.id} />
        </section>
      ) : null}
    </div>
  )
}
