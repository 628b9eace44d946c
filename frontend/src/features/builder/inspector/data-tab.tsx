import { Button, Group, Text } from '@mantine/core'
import { IconPin, IconPinnedOff } from '@tabler/icons-react'
import { useState } from 'react'
import type { RegistryEntry } from '@/api/types'
import type { DefinitionNode } from '@/lib/definition'
import { without } from '@/lib/json-path'
import { prettyJson, readJson } from '@/lib/json-source'
import { JsonEditor } from '@/ui/json-editor'
import { JsonView } from '@/ui/json-view'
import { useBuilder } from '../builder-context'
import { pinnedOutput } from './expression-scope'
import { TestStep } from './test-step'

const LONGEST_PIN = 64_000

/** What the step was given and gave in the run that is shown, and the output that is pinned for tests. */
export function DataTab({ node, entry }: { node: DefinitionNode; entry: RegistryEntry | undefined }) {
  const { editor, run, dataPanel } = useBuilder()
  const pinned = pinnedOutput(node.ui)
  const last = run?.outputs[node.id]
  const [editing, setEditing] = useState<string | null>(null)
  const pin = (output: unknown) =>
    editor.update(
      node.id,
      (each) => {
        const ui = without(each.ui ?? {}, 'pinned')
        return { ...each, ui: output === undefined ? ui : { ...ui, pinned: { output } } }
      },
      { label: output === undefined ? 'Unpin the data' : 'Pin the data' },
    )
  const parsed = editing === null ? null : readJson(editing)
  return (
    <div style={{ display: 'flex', flexDirection: 'column', gap: 12 }}>
      {dataPanel?.(node.id)}
      {entry ? <TestStep node={node} entry={entry} onPin={pin} /> : null}
      {pinned !== undefined && editing === null ? <JsonView title="Pinned output" value={pinned} testId="pinned" /> : null}
      {editing === null ? (
        <Group gap="sm">
          {last !== undefined ? (
            <Button size="compact-sm" variant="default" leftSection={<IconPin size={14} />} onClick={() => pin(last)} disabled={JSON.stringify(last).length > LONGEST_PIN} data-testid="pin-last">
              Pin this output
            </Button>
          ) : null}
          <Button size="compact-sm" variant="default" leftSection={<IconPin size={14} />} onClick={() => setEditing(prettyJson(pinned ?? last ?? {}))} data-testid="pin-write">
            {pinned === undefined ? 'Write an output' : 'Edit'}
          </Button>
          {pinned !== undefined ? (
            <Button size="compact-sm" variant="subtle" color="gray" leftSection={<IconPinnedOff size={14} />} onClick={() => pin(undefined)} data-testid="unpin">
              Unpin
            </Button>
          ) : null}
        </Group>
      ) : (
        <>
          <JsonEditor value={editing} onChange={setEditing} label="Output to pin" minHeight={120} maxHeight={260} testId="pin-editor" />
          <Group gap="sm" justify="flex-end">
            <Button size="compact-sm" variant="subtle" color="gray" onClick={() => setEditing(null)}>
              Cancel
            </Button>
            <Button
              size="compact-sm"
              disabled={!parsed?.ok || editing.length > LONGEST_PIN}
              onClick={() => {
                if (parsed?.ok) pin(parsed.value)
                setEditing(null)
              }}
              data-testid="pin-save"
            >
              Pin
            </Button>
          </Group>
        </>
      )}
      <Text size="xs" c="dimmed">
        Pinned output serves tests of the steps that follow and the preview of their expressions. Real runs never use it; it is saved with the draft, so keep secrets out.
      </Text>
      {entry && Object.keys(entry.output_schema).length > 0 ? <JsonView title="Shape of the output" value={entry.output_schema} /> : null}
    </div>
  )
}
