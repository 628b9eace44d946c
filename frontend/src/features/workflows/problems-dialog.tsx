import { Modal, Text } from '@mantine/core'
import { IconAlertTriangleFilled, IconCircleXFilled } from '@tabler/icons-react'
import { placeOf } from '@/features/builder'
import { nodeAt } from './node-at'
import { plural } from '@/lib/text'
import { useDraft, useDraftState } from './draft/use-draft'
import classes from './workflow-page.module.css'

/** Everything that keeps the draft from being published; a click leads to it. */
export default function ProblemsDialog({ onClose, onJump }: { onClose: () => void; onJump: (pointer: string) => void }) {
  const { issues } = useDraft()
  const definition = useDraftState((state) => state.definition)
  const errors = issues.filter(({ severity }) => severity === 'error')
  const sorted = [...errors, ...issues.filter(({ severity }) => severity !== 'error')]
  return (
    <Modal opened onClose={onClose} title={errors.length > 0 ? `${plural(errors.length, 'error')} to mend before it can be published` : plural(issues.length, 'warning')} size="lg" data-testid="problems-dialog">
      {issues.length === 0 ? (
        <Text size="sm" c="dimmed">
          There are no problems any more.
        </Text>
      ) : null}
      <ul className={classes.problemList}>
        {sorted.map(({ path, message, severity }, index) => {
          const place = placeOf(definition, path)
          const node = place.node === null ? null : nodeAt(definition, place.scope, place.node)
          return (
            <li key={`${path} ${index}`}>
              <button type="button" className={classes.problem} onClick={() => onJump(path)} data-testid="publish-problem" data-severity={severity}>
                {severity === 'error' ? (
                  <IconCircleXFilled size={16} color="var(--mr-error)" role="img" aria-label="Error" style={{ flex: 'none' }} />
                ) : (
                  <IconAlertTriangleFilled size={16} color="var(--mr-warning)" role="img" aria-label="Warning" style={{ flex: 'none' }} />
                )}
                <span>
                  <strong>{node?.name ?? place.node ?? 'Workflow'}</strong>
                  {place.rest ? <code> {place.rest.replace(/^\/config\//, '').replaceAll('/', ' › ').replace(/^ › /, '')}</code> : null}
                  <br />
                  {message}
                </span>
              </button>
            </li>
          )
        })}
      </ul>
    </Modal>
  )
}
