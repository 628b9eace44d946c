import { Button, Menu } from '@mantine/core'
import { IconBan, IconChevronDown, IconRotateClockwise } from '@tabler/icons-react'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { bulkExecutions, executionKeys, type ExecutionFilter } from '@/api/queries/executions'
import { plural } from '@/lib/text'
import { confirm } from '@/ui/confirm'
import { notifyDone, notifyProblem } from '@/ui/notify'

/** Cancels or retries everything the filter shows, after saying how many that are. */
export function BulkMenu({ filter }: { filter: ExecutionFilter }) {
  const client = useQueryClient()
  const run = useMutation({
    mutationFn: async (action: 'cancel' | 'retry') => {
      const counted = await bulkExecutions(action, filter, true)
      if (counted.matched === 0) {
        notifyDone(action === 'cancel' ? 'None of these runs any more.' : 'None of these has failed.', 'Nothing to do')
        return
      }
      const many = `${plural(counted.matched, 'execution')}${counted.more ? ' and more' : ''}`
      const body = action === 'cancel' ? 'Running steps are stopped; what they have already done stays done.' : 'Each runs again from what failed, as a new execution; effects keep their idempotency keys.'
      if (!(await confirm({ title: `${action === 'cancel' ? 'Cancel' : 'Retry'} ${many}?`, body, yes: `${action === 'cancel' ? 'Cancel' : 'Retry'} ${counted.matched}`, no: 'Back', danger: action === 'cancel' }))) return
      const { done } = await bulkExecutions(action, filter, false)
      notifyDone(`${plural(done, 'execution')} ${action === 'cancel' ? 'told to stop' : 'started again'}.`)
    },
    onError: (error) => notifyProblem(error, 'Not done'),
    onSettled: () => client.invalidateQueries({ queryKey: executionKeys.all }),
  })
  const narrowed = Object.values(filter).some((value) => value !== undefined && value !== '')
  return (
    <Menu width={220}>
      <Menu.Target>
        <Button variant="default" rightSection={<IconChevronDown size={14} />} loading={run.isPending} disabled={!narrowed} title={narrowed ? undefined : 'Filter first, so that not everything is meant by accident'} data-testid="bulk">
          All of these
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconRotateClockwise size={15} />} onClick={() => run.mutate('retry')} data-testid="bulk-retry">
          Retry those that failed…
        </Menu.Item>
        <Menu.Item color="red" leftSection={<IconBan size={15} />} onClick={() => run.mutate('cancel')} data-testid="bulk-cancel">
          Cancel those that run…
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
