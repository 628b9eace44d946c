import { Button, Group, Modal, SegmentedControl, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useMatchRoute, useNavigate } from '@tanstack/react-router'
import { useRef, useState } from 'react'
import { problemsByPath } from '@/api/problem'
import { runWorkflow } from '@/api/queries/workflows'
import { sampleInput } from '@/lib/definition'
import { locate, prettyJson, readJson } from '@/lib/json-source'
import { readStored, writeStored } from '@/lib/storage'
import { JsonEditor, type EditorProblem } from '@/ui/json-editor'
import { notifyProblem } from '@/ui/notify'
import { isDirty } from './draft/draft-store'
import { useDraft, useDraftState } from './draft/use-draft'
import { inputProblems, lastInputName } from './run-input'

interface RunDialogProps {
  /** A step of the draft, to run it up to there. */
  until?: string
  onClose: () => void
}

/** Runs the workflow with an input: the live version, or the draft as it stands. */
export default function RunDialog({ until, onClose }: RunDialogProps) {
  const { workflow, save } = useDraft()
  const definition = useDraftState((state) => state.definition)
  const dirty = useDraftState(isDirty)
  const navigate = useNavigate()
  const onCanvas = useMatchRoute()({ to: '/workflows/$id', params: { id: workflow.id }, fuzzy: false }) !== false
  const [version, setVersion] = useState<'live' | 'draft'>(workflow.live_version === null || onCanvas || until !== undefined ? 'draft' : 'live')
  const [text, setText] = useState(() => readStored('session', lastInputName(workflow.id)) ?? prettyJson(sampleInput(definition.input_schema)))
  const parsed = readJson(text)
  // One key for one dialog: pressing twice, or again after a lost answer, starts one execution.
  const key = useRef<{ text: string; version: string; value: string } | null>(null)

  const run = useMutation({
    mutationFn: async () => {
      if (version === 'draft' && dirty && !(await save())) return null
      if (key.current?.text !== text || key.current.version !== version || run.isSuccess) key.current = { text, version, value: crypto.randomUUID() }
      const input = parsed.ok ? parsed.value : {}
      return runWorkflow(workflow.id, { input, idempotency_key: key.current.value, ...(version === 'draft' ? { version, ...(until === undefined ? {} : { until }) } : {}) })
    },
    onSuccess: async (started) => {
      if (!started) return
      writeStored('session', lastInputName(workflow.id), text)
      onClose()
      // On the canvas the run is seen where it was drawn.
      await (onCanvas ? navigate({ to: '/workflows/$id', params: { id: workflow.id }, search: { run: started.id } }) : navigate({ to: '/executions/$id', params: { id: started.id } }))
    },
    onError: (error) => notifyProblem(error, 'Not started'),
  })

  const refused = problemsByPath(run.error)
  const problems: EditorProblem[] = parsed.ok
    ? inputProblems(refused).map(({ pointer, message }) => ({ ...locate(parsed.tree, pointer), severity: 'error', message }))
    : [{ from: parsed.error.offset, to: parsed.error.offset + 1, severity: 'error', message: parsed.error.message }]
  return (
    <Modal opened onClose={onClose} title={until === undefined ? `Run ${workflow.name}` : `Run to “${definition.nodes.find(({ id }) => id === until)?.name ?? until}”`} size="lg" data-testid="run-dialog">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (parsed.ok) run.mutate()
        }}
      >
        {until === undefined ? (
        <SegmentedControl
          fullWidth
          value={version}
          onChange={(value) => setVersion(value)}
          aria-label="Which version"
          data={[
            { value: 'live', label: workflow.live_version === null ? 'Nothing is live yet' : `Live version ${workflow.live_version}`, disabled: workflow.live_version === null },
            { value: 'draft', label: dirty ? 'Draft (is saved first)' : 'Draft' },
          ]}
        />
        ) : null}
        <Text size="sm" c="dimmed" my="sm">
          {version === 'draft' ? 'The draft is frozen as it is. Its effects are real: what it calls is called.' : 'Its effects are real: what it calls is called.'}
        </Text>
        <Text size="sm" fw={550} mb={4}>
          Input
        </Text>
        <JsonEditor value={text} onChange={setText} label="Input" problems={problems} minHeight={180} maxHeight={360} testId="run-input" />
        <Text size="sm" c="red" role="alert" mt={4} mih={19}>
          {problems[0]?.message}
        </Text>
        <Group justify="flex-end" gap="sm" mt="sm">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={run.isPending} disabled={!parsed.ok} data-testid="run-start">
            Run
          </Button>
        </Group>
      </form>
    </Modal>
  )
}
