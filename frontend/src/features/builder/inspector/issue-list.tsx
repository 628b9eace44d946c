import type { Issue } from '@/api/types'
import classes from './inspector.module.css'

/** A problem of one step; `rest` is where in it. */
export interface OwnIssue extends Issue {
  rest: string
}

/** Problems that belong to no field that is shown. */
export function IssueList({ issues }: { issues: OwnIssue[] }) {
  return issues.map(({ rest, message, severity }) => (
    <p key={rest + message} className={classes.issue} data-tone={severity === 'error' ? 'error' : 'warning'} role="note">
      {message}
    </p>
  ))
}
