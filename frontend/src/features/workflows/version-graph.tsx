import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { actionsQuery } from '@/api/queries/installation'
import { DefinitionGraph } from '@/features/builder'
import type { Definition } from '@/lib/definition'
import { Loading } from '@/ui/loading'
import { plural } from '@/lib/text'
import { changesBetween, togetherOf } from './version-changes'
import classes from './workflow-page.module.css'

/** Two versions on one canvas: what is new green, what differs amber, what is gone red and dashed. */
export function VersionGraph({ before, after, label }: { before: Definition; after: Definition; label: string }) {
  const registry = useQuery(actionsQuery()).data
  const changes = useMemo(() => changesBetween(before, after), [before, after])
  const together = useMemo(() => togetherOf(before, after), [before, after])
  const count = (kind: string) => Object.values(changes).filter((each) => each === kind).length
  if (!registry) return <Loading />
  return (
    <>
      <div className={classes.versionGraph} data-testid="version-graph">
        <DefinitionGraph definition={together} registry={registry} changes={changes} label={label} />
      </div>
      <p className="mr-dim" role="status">
        {Object.keys(changes).length === 0
          ? 'No step differs.'
          : `${plural(count('added'), 'step')} new (green), ${count('changed')} different (amber), ${count('removed')} gone (red, dashed)`}
      </p>
    </>
  )
}
