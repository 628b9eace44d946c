import { ExecutionsList } from '@/features/executions'
import { TriggersList } from '@/features/triggers'
import { useDraft } from './draft/use-draft'
import classes from './workflow-page.module.css'

/** The executions of this workflow. */
export function ExecutionsTab() {
  const { workflow, openRun } = useDraft()
  return (
    <div className={classes.padded}>
      <ExecutionsList filter={{ workflow_id: workflow.id }} hideWorkflow onRun={openRun} />
    </div>
  )
}

/** What starts this workflow. */
export function TriggersTab() {
  const { workflow } = useDraft()
  return (
    <div className={classes.padded}>
      <TriggersList workflowId={workflow.id} />
    </div>
  )
}
