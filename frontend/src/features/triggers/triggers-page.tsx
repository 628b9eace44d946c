import { Button, SegmentedControl } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import type { TriggerType } from '@/api/types'
import { Page } from '@/ui/page'
import { TriggerForm } from './trigger-form'
import { TriggersList } from './triggers-list'

export function TriggersPage() {
  const [type, setType] = useState('all')
  const [creating, setCreating] = useState(false)
  return (
    <Page
      title="Triggers"
      description="What starts workflows: calls, the clock, Kafka records, and other workflows."
      actions={
        <Button leftSection={<IconPlus size={15} />} onClick={() => setCreating(true)} data-testid="new-trigger-top">
          New trigger
        </Button>
      }
    >
      <SegmentedControl
        style={{ alignSelf: 'flex-start' }}
        value={type}
        onChange={setType}
        aria-label="Type"
        data={[
          { value: 'all', label: 'All' },
          { value: 'api', label: 'HTTP' },
          { value: 'schedule', label: 'Schedules' },
          { value: 'kafka', label: 'Kafka' },
          { value: 'workflow', label: 'Workflows' },
        ]}
      />
      <TriggersList type={type === 'all' ? undefined : (type as TriggerType)} />
      {creating ? <TriggerForm onClose={() => setCreating(false)} /> : null}
    </Page>
  )
}
