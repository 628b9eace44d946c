import { ActionIcon, Button, Menu, Tooltip } from '@mantine/core'
import { IconAlertTriangleFilled, IconDeviceFloppy, IconDots, IconPlayerPlayFilled, IconRocket } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { draftDiffQuery } from '@/api/queries/workflows'
import { plural } from '@/lib/text'
import { StatusBadge } from '@/ui/status-badge'
import { isDirty } from './draft/draft-store'
import { useDraft, useDraftState } from './draft/use-draft'
import { usePublish } from './use-publish'
import { RenameDialog, WorkflowMenuItems } from './workflow-menu'
import classes from './workflow-page.module.css'

interface WorkflowHeaderProps {
  autosave: boolean
  onAutosave: (on: boolean) => void
}

export function WorkflowHeader({ autosave, onAutosave }: WorkflowHeaderProps) {
  const { workflow, issues, save, openRun, openProblems } = useDraft()
  const dirty = useDraftState(isDirty)
  const saving = useDraftState((state) => state.saving)
  const refused = useDraftState((state) => state.refused.length)
  // That an empty draft cannot be published is no news.
  const empty = useDraftState(({ definition }) => definition.nodes.length === 0)
  const publish = usePublish()
  const errors = issues.filter(({ severity }) => severity === 'error').length
  return (
    <header className={classes.header}>
      <div className={classes.name}>
        <Link to="/workflows" className={classes.crumb}>
          Workflows
        </Link>
        <span className="mr-dim" aria-hidden>
          /
        </span>
        <h1 className="mr-ellipsis">{workflow.name}</h1>
        <LiveBadge dirty={dirty} />
      </div>
      <div className={classes.actions}>
        <SaveState dirty={dirty} autosave={autosave} />
        {issues.length > 0 && !empty ? (
          <Button variant="subtle" color="gray" onClick={openProblems} leftSection={<IconAlertTriangleFilled size={15} color={errors > 0 ? 'var(--mr-error)' : 'var(--mr-warning)'} />} data-testid="problems-button">
            {plural(issues.length, 'problem')}
          </Button>
        ) : null}
        {autosave && refused === 0 ? null : (
          <Button variant="default" leftSection={<IconDeviceFloppy size={15} />} disabled={!dirty} loading={saving} onClick={() => void save()} data-testid="save">
            Save
          </Button>
        )}
        <Tooltip label={errors > 0 ? `${plural(errors, 'error')} to mend first` : 'Make the draft the live version'}>
          <Button variant="default" leftSection={<IconRocket size={15} />} loading={publish.isPending} onClick={() => publish.mutate()} data-testid="publish">
            Publish
          </Button>
        </Tooltip>
        <Button leftSection={<IconPlayerPlayFilled size={13} />} onClick={openRun} data-testid="run">
          Run
        </Button>
        <Menu width={220}>
          <Menu.Target>
            <ActionIcon aria-label="More actions" data-testid="workflow-menu">
              <IconDots size={17} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <WorkflowMenuItems workflow={workflow} autosave={autosave} onAutosave={onAutosave} />
          </Menu.Dropdown>
        </Menu>
      </div>
      <RenameDialog />
    </header>
  )
}

/** What is live, and whether the draft has moved on from it. */
function LiveBadge({ dirty }: { dirty: boolean }) {
  const { workflow } = useDraft()
  const { id, live_version: live, revision, enabled } = workflow
  const diff = useQuery(draftDiffQuery(id, live, revision))
  if (!enabled) return <StatusBadge status="disabled" />
  if (live === null) return <StatusBadge status="draft" label="Not published" testId="live-badge" />
  const ahead = dirty || diff.data?.identical === false
  return (
    <Tooltip label={ahead ? `Version ${live} is live; the draft differs from it` : `Version ${live} is live and is the draft`}>
      <span>
        <StatusBadge status={ahead ? 'draft' : 'live'} label={ahead ? `v${live} live, draft ahead` : `v${live} live`} testId="live-badge" />
      </span>
    </Tooltip>
  )
}

function SaveState({ dirty, autosave }: { dirty: boolean; autosave: boolean }) {
  const saving = useDraftState((state) => state.saving)
  const refused = useDraftState((state) => state.refused.length)
  const words = saving ? 'Saving…' : refused > 0 && dirty ? 'Not saved: not well formed' : dirty ? 'Unsaved changes' : autosave ? 'Saved automatically' : 'Saved'
  return (
    <span className={classes.state} data-dirty={dirty && (!autosave || refused > 0)} role="status" data-testid="save-state">
      {words}
    </span>
  )
}
