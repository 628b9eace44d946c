import { Kbd, Modal, Table } from '@mantine/core'
import { NAV } from './nav-items'

const COMMANDS: [string[], string][] = [
  [['Ctrl', 'K'], 'Search, jump, do'],
  [['Ctrl', 'S'], 'Save the draft'],
  [['Ctrl', 'Enter'], 'Run the workflow you look at'],
  [['?'], 'This sheet'],
  ...NAV.flat().map(({ key, label }): [string[], string] => [['g', key], `Go to ${label}`]),
]

export default function ShortcutSheet({ onClose }: { onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title="Keyboard shortcuts" size="sm">
      <Table withRowBorders={false} verticalSpacing={4}>
        <Table.Tbody>
          {COMMANDS.map(([keys, what]) => (
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
