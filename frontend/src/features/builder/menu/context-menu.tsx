import { Menu } from '@mantine/core'
import { IconClipboard, IconFrame, IconNote, IconPlus, IconSelectAll } from '@tabler/icons-react'
import { useBuilder } from '../builder-context'
import type { Point } from '../model/edit'
import { canvasPoint } from '../palette/drop-place'
import { StepMenuItems } from './step-menu'

export interface OpenMenu {
  id: string | null
  screen: Point
}

/** The menu under the right mouse button. */
export function ContextMenu({ menu, onClose }: { menu: OpenMenu | null; onClose: () => void }) {
  const { editor } = useBuilder()
  if (!menu || menu.id?.startsWith('trigger:')) return null
  const at = canvasPoint(menu.screen.x, menu.screen.y)
  return (
    <Menu opened onClose={onClose} width={230} position="bottom-start" withinPortal>
      <Menu.Target>
        <span style={{ position: 'fixed', left: menu.screen.x, top: menu.screen.y, width: 1, height: 1 }} />
      </Menu.Target>
      <Menu.Dropdown>
        {menu.id !== null && !menu.id.startsWith('note:') ? (
          <StepMenuItems id={menu.id} onOpen={() => editor.open(menu.id)} />
        ) : (
          <>
            <Menu.Item leftSection={<IconPlus size={15} />} onClick={() => at && window.setTimeout(() => editor.ui.setState({ picker: { target: { at }, screen: menu.screen } }), 0)}>
              Add a step here
            </Menu.Item>
            <Menu.Item leftSection={<IconClipboard size={15} />} onClick={() => void pasteFrom(editor.pasteText, at)}>
              Paste here
            </Menu.Item>
            <Menu.Item leftSection={<IconNote size={15} />} onClick={() => editor.addNote('note', at ?? undefined)} data-testid="add-note">
              Add a note
            </Menu.Item>
            <Menu.Item leftSection={<IconFrame size={15} />} onClick={() => editor.addNote('group', at ?? undefined)}>
              Group what is chosen
            </Menu.Item>
            <Menu.Item leftSection={<IconSelectAll size={15} />} onClick={editor.selectAll}>
              Choose everything
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}

async function pasteFrom(paste: (text: string, at: Point | null) => boolean, at: Point | null): Promise<void> {
  const text = await navigator.clipboard?.readText().catch(() => '')
  if (text) paste(text, at)
}
