import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { actionVersionsQuery } from '@/api/queries/custom-actions'
import type { ActionVersion, CustomAction } from '@/api/types'
import { prettyJson } from '@/lib/json-source'
import { JsonDiff } from '@/ui/json-editor'
import { JsonView } from '@/ui/json-view'
import { Section } from '@/ui/page'
import { RelativeTime } from '@/ui/relative-time'
import classes from './custom-actions.module.css'

/** Every version, which never changes, and what each changed. */
export function ActionVersions({ action }: { action: CustomAction }) {
  const versions = useQuery(actionVersionsQuery(action.type)).data ?? []
  const [shown, setShown] = useState<number | null>(null)
  return (
    <Section title="Versions" testId="action-versions">
      <div className={classes.stack}>
        {versions.map((version, index) => (
          <div key={version.version}>
            <div className={classes.version} data-testid={`action-version-${version.version}`}>
              <span>
                <strong>Version {version.version}</strong>{' '}
                <span className="mr-dim">
                  <RelativeTime at={version.created_at} />
                  {version.version === action.version ? ', in the palette' : ''}
                </span>
              </span>
              <Button size="compact-sm" variant="subtle" color="gray" aria-expanded={shown === version.version} onClick={() => setShown(shown === version.version ? null : version.version)}>
                {shown === version.version ? 'Close' : index === versions.length - 1 ? 'Look' : 'What it changed'}
              </Button>
            </div>
            {shown === version.version ? <Changes version={version} before={versions[index + 1]} /> : null}
          </div>
        ))}
      </div>
    </Section>
  )
}

function Changes({ version, before }: { version: ActionVersion; before: ActionVersion | undefined }) {
  if (!before) return <JsonView title="Document" value={version.document} />
  return <JsonDiff before={prettyJson(before.document)} after={prettyJson(version.document)} label={`Version ${before.version} and version ${version.version}`} />
}
