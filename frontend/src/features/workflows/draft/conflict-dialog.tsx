import { Button, Group, Modal, Text } from '@mantine/core'
import { prettyJson } from '@/lib/json-source'
import { JsonDiff } from '@/ui/json-editor'
import { notifyProblem } from '@/ui/notify'
import { useDraftState } from './use-draft'

/** Somebody saved this draft after it was read here. Nothing is decided without a look at both. */
export function ConflictDialog() {
  const conflict = useDraftState((state) => state.conflict)
  const text = useDraftState((state) => state.text)
  const resolve = useDraftState((state) => state.resolve)
  const saving = useDraftState((state) => state.saving)
  if (!conflict) return null
  const choose = (choice: 'mine' | 'theirs' | 'later') => resolve(choice).catch((error: unknown) => notifyProblem(error, 'The draft was not saved'))
  return (
    <Modal opened onClose={() => void choose('later')} size={1100} title="This draft was changed elsewhere" data-testid="conflict-dialog">
      <Text size="sm" c="dimmed" mb="md">
        Another tab or person saved revision {conflict.workflow.revision} after you began. Theirs is on the left, yours on the right.
      </Text>
      <JsonDiff before={prettyJson(conflict.workflow.definition)} after={text} label="Their draft and yours" />
      <Group justify="flex-end" gap="sm" mt="lg">
        <Button variant="subtle" color="gray" onClick={() => void choose('later')}>
          Keep editing
        </Button>
        <Button variant="default" onClick={() => void choose('theirs')} data-testid="take-theirs">
          Take theirs, drop mine
        </Button>
        <Button onClick={() => void choose('mine')} loading={saving} data-testid="keep-mine">
          Save mine over theirs
        </Button>
      </Group>
    </Modal>
  )
}
