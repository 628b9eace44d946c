import { Button } from '@mantine/core'
import { IconArrowBackUp, IconWand } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useMemo, useRef } from 'react'
import { actionsQuery } from '@/api/queries/installation'
import { locate, prettyJson, type Span } from '@/lib/json-source'
import { JsonEditor, type EditorProblem, type JsonEditorHandle } from '@/ui/json-editor'
import { definitionCompletion } from './definition-completion'
import { isDirty } from './draft/draft-store'
import { useDraft, useDraftState } from './draft/use-draft'
import { ProblemsPanel, type ShownProblem } from './problems-panel'
import classes from './workflow-page.module.css'

/** A pointer of the API's is relative to the request; here the definition is the document. */
const withinDefinition = (path: string): string => path.replace(/^\/definition(?=\/|$)/, '')

export function JsonTab() {
  const { issues, checking, store } = useDraft()
  const text = useDraftState((state) => state.text)
  const parsed = useDraftState((state) => state.parsed)
  const dirty = useDraftState(isDirty)
  const { data: registry } = useQuery(actionsQuery())
  const editor = useRef<JsonEditorHandle>(null)

  const problems = useMemo((): ShownProblem[] => {
    if (!parsed.ok) {
      const { offset, message } = parsed.error
      return [{ from: offset, to: offset + 1, severity: 'error', message, path: '' }]
    }
    return issues.map(({ path, message, severity }) => ({ ...locate(parsed.tree, withinDefinition(path)), severity, message, path: withinDefinition(path) }))
  }, [parsed, issues])

  const completion = useMemo(() => definitionCompletion(registry ?? []), [registry])
  const reveal = (span: Span) => editor.current?.reveal(span)
  return (
    <div className={classes.fill}>
      <div className={classes.toolbar}>
        <span>
          The definition in the workflow language, <code>millrace/1</code>. <kbd>Ctrl</kbd> <kbd>Space</kbd> completes.
        </span>
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          ml="auto"
          leftSection={<IconWand size={14} />}
          disabled={!parsed.ok}
          onClick={() => parsed.ok && store.getState().setText(prettyJson(parsed.value))}
        >
          Format
        </Button>
        <Button variant="subtle" color="gray" size="compact-sm" leftSection={<IconArrowBackUp size={14} />} disabled={!dirty} onClick={() => store.getState().discard()}>
          Discard changes
        </Button>
      </div>
      <div className={classes.stage}>
        <div className={classes.editor}>
          <JsonEditor
            ref={editor}
            value={text}
            onChange={(next) => store.getState().setText(next)}
            label="Definition"
            problems={problems satisfies EditorProblem[]}
            completion={completion}
            fill
            testId="definition-editor"
          />
        </div>
      </div>
      <ProblemsPanel problems={problems} text={text} checking={checking} onReveal={reveal} />
    </div>
  )
}
