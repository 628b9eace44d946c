import { Kbd, Modal, Table } from '@mantine/core'
import { NAV } from './nav-items'

const commands = (): [string[], string][] => [
  [['Ctrl', 'K'], 'Search, jump, do'],
  [['Ctrl', 'S'], 'Save the draft'],
  [['Ctrl', 'Enter'], 'Run the workflow you look at'],
  [['?'], 'This sheet'],
  [['a'], 'Canvas: add a step after the chosen one'],
  [['Enter'], 'Canvas: open the chosen step'],
  [['Delete'], 'Canvas: delete what is chosen'],
  [['↑', '↓', '←', '→'], 'Canvas: move it (Shift: further)'],
  [['Ctrl', 'Z'], 'Canvas: undo (Shift: redo)'],
  [['Ctrl', 'C'], 'Canvas: copy, across workflows too (X cuts, V pastes)'],
  [['Ctrl', 'D'], 'Canvas: duplicate'],
  [['Ctrl', 'A'], 'Canvas: choose everything'],
  [['Ctrl', 'G'], 'Canvas: a frame around what is chosen'],
  [['d'], 'Canvas: disable or enable'],
  [['n'], 'Canvas: a note at the pointer'],
  [['Shift', 'drag'], 'Canvas: choose several'],
  ...NAV.flat().map(({ key, label }): [string[], string] => [['g', key], `Go to ${label}`]),
]

export default function ShortcutSheet({ onClose }: { onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title="Keyboard shortcuts" size="sm">
      <Table withRowBorders={false} verticalSpacing={4}>
        <Table.Tbody>
          {commands().map(([keys, what]) => (
            <Table.Tr key={what}>
              <Table.Td>{what}</Table.Td>
              <Table.Td ta="right">
                {keys.map((key) => (
                  <Kbd key={key} size="xs" ml={4}>
                    {key}
                  </Kbd>
                ))}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Modal>
  )
}
