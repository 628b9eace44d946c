import { IconAlertTriangleFilled, IconCircleCheckFilled, IconCircleXFilled } from '@tabler/icons-react'
import { lineOf, type Span } from '@/lib/json-source'
import { plural } from '@/lib/text'
import type { EditorProblem } from '@/ui/json-editor'
import classes from './workflow-page.module.css'

export interface ShownProblem extends EditorProblem {
  path: string
}

interface ProblemsPanelProps {
  problems: ShownProblem[]
  text: string
  checking: boolean
  onReveal: (span: Span) => void
}

/** Every problem of the draft; a click leads to its place. */
export function ProblemsPanel({ problems, text, checking, onReveal }: ProblemsPanelProps) {
  const errors = problems.filter(({ severity }) => severity === 'error').length
  const warnings = problems.length - errors
  return (
    <section className={classes.problems} aria-label="Problems" data-testid="problems">
      <div className={classes.problemsHead} role="status" data-testid="problems-summary">
        {problems.length === 0 ? (
          <span className="mr-dim" style={{ display: 'inline-flex', gap: 6, alignItems: 'center', fontWeight: 400 }}>
            <IconCircleCheckFilled size={15} color="var(--mr-ok)" aria-hidden />
            {checking ? 'Checking…' : 'No problems; this can be published'}
          </span>
        ) : (
          [errors ? plural(errors, 'error') : '', warnings ? plural(warnings, 'warning') : ''].filter(Boolean).join(', ')
        )}
      </div>
      {problems.length > 0 ? (
        <ul>
          {problems.map((problem, index) => (
            <li key={`${problem.path}:${index}`}>
              <button type="button" className={classes.problem} onClick={() => onReveal(problem)} data-testid="problem" data-severity={problem.severity}>
                {problem.severity === 'error' ? (
                  <IconCircleXFilled size={14} color="var(--mr-error)" role="img" aria-label="Error" style={{ flex: 'none' }} />
                ) : (
                  <IconAlertTriangleFilled size={14} color="var(--mr-warning)" role="img" aria-label="Warning" style={{ flex: 'none' }} />
                )}
                <span>{problem.message}</span>
                <code>
                  {problem.path} line {lineOf(text, problem.from).line}
                </code>
              </button>
            </li>
          ))}
        </ul>
      ) : null}
    </section>
  )
}
