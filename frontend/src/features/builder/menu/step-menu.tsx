import { Menu } from '@mantine/core'
import { IconArrowRight, IconClipboard, IconCopy, IconPencil, IconPlayerPause, IconPlayerPlay, IconPlayerTrackNext, IconPlus, IconTrash, IconUnlink } from '@tabler/icons-react'
import { edgeId } from '@/lib/graph'
import { useBuilder } from '../builder-context'
import { outputPorts } from '../graph/model'
import { refusal } from '../model/connect'
import type { Editor } from '../store/editor'

const OTHERS_SHOWN = 60

/** What can be done with a step, for its menus on the canvas and in the outline. */
export function StepMenuItems({ id, onOpen }: { id: string; onOpen: () => void }) {
  const { editor, onRunTo } = useBuilder()
  const node = editor.node(id)
  if (!node) return null
  const graph = editor.graph()
  const ports = outputPorts(node, editor.entryOf(node.type), [])
  const others = graph.nodes.filter((each) => each.id !== id).slice(0, OTHERS_SHOWN)
  const incoming = graph.edges.filter(({ to }) => to === id)
  const name = (other: string) => graph.nodes.find((each) => each.id === other)?.name ?? other
  const only = (act: () => void) => () => {
    editor.select({ nodes: [id] })
    act()
  }
  return (
    <>
      <Menu.Item leftSection={<IconPencil size={15} />} onClick={onOpen}>
        Open
      </Menu.Item>
      {onRunTo ? (
        <Menu.Item leftSection={<IconPlayerTrackNext size={15} />} onClick={() => onRunTo(runTarget(editor, id))} data-testid={`run-to-${id}`}>
          {editor.ui.getState().scope.length > 0 ? 'Run to this loop' : 'Run to here'}
        </Menu.Item>
      ) : null}
      {ports.map((port) => (
        <Menu.Item
          key={port}
          leftSection={<IconPlus size={15} />}
          onClick={(event) => {
            const { left, top } = event.currentTarget.getBoundingClientRect()
            window.setTimeout(() => editor.ui.setState({ picker: { target: { after: id, port }, screen: { x: left, y: top } } }), 0)
          }}
        >
          {port === 'main' ? 'Add a step after' : `Add a step by “${port}”`}
        </Menu.Item>
      ))}
      {ports.map((port) => (
        <Menu.Sub key={port}>
          <Menu.Sub.Target>
            <Menu.Sub.Item leftSection={<IconArrowRight size={15} />} disabled={others.length === 0} data-testid={`lead-${id}-${port}`}>
              {port === 'main' ? 'Lead to…' : `Lead “${port}” to…`}
            </Menu.Sub.Item>
          </Menu.Sub.Target>
          <Menu.Sub.Dropdown style={{ maxHeight: 320, overflow: 'auto' }}>
            {others.map((other) => {
              const reason = refusal(graph, { from: id, port, to: other.id }, editor.entryOf)
              return (
                <Menu.Item key={other.id} disabled={reason !== null} title={reason ?? undefined} onClick={() => editor.connect({ from: id, port, to: other.id })} data-testid={`lead-to-${other.id}`}>
                  {other.name ?? other.id}
                </Menu.Item>
              )
            })}
          </Menu.Sub.Dropdown>
        </Menu.Sub>
      ))}
      {incoming.map((edge) => (
        <Menu.Item key={edgeId(edge)} leftSection={<IconUnlink size={15} />} onClick={() => editor.remove({ edges: [edgeId(edge)] })}>
          Cut the way from {name(edge.from)}
        </Menu.Item>
      ))}
      <Menu.Divider />
      <Menu.Item leftSection={<IconClipboard size={15} />} onClick={only(() => copyOut(editor.copy()))}>
        Copy
      </Menu.Item>
      <Menu.Item leftSection={<IconCopy size={15} />} onClick={only(editor.duplicate)}>
        Duplicate
      </Menu.Item>
      <Menu.Item leftSection={node.disabled ? <IconPlayerPlay size={15} /> : <IconPlayerPause size={15} />} onClick={only(editor.toggleDisabled)}>
        {node.disabled ? 'Enable' : 'Disable'}
      </Menu.Item>
      <Menu.Item color="red" leftSection={<IconTrash size={15} />} onClick={() => editor.remove({ nodes: [id] })}>
        Delete
      </Menu.Item>
    </>
  )
}

/** What is run for a step: itself, or the outermost loop it is part of. */
export const runTarget = (editor: Editor, id: string): string => editor.ui.getState().scope[0] ?? id

export function copyOut(text: string | null): void {
  if (text !== null) void navigator.clipboard?.writeText(text).catch(() => undefined)
}
