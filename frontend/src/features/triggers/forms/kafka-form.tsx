import { Alert, Select, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { healthQuery } from '@/api/queries/installation'
import type { FormProps } from './api-form'
import type { KafkaFields } from './model'

export function KafkaForm({ fields, onChange, problems }: FormProps<KafkaFields>) {
  const kafka = useQuery(healthQuery()).data?.checks.kafka
  return (
    <>
      {kafka && kafka.status !== 'ok' ? (
        <Alert color="yellow" variant="light" title={kafka.status === 'off' ? 'Kafka is off here' : 'Kafka does not answer'}>
          {kafka.detail}
        </Alert>
      ) : null}
      <TextInput label="Topic" placeholder="orders" description="It need not exist yet." value={fields.topic} onChange={(event) => onChange({ topic: event.currentTarget.value })} error={problems['/config/topic']} required withAsterisk={false} data-testid="kafka-topic" />
      <TextInput label="Consumer group" description="Left empty, a group of its own." value={fields.group} onChange={(event) => onChange({ group: event.currentTarget.value })} error={problems['/config/group']} />
      <Select
        label="Start"
        description="Where to begin when the group has no position yet."
        data={[
          { value: 'latest', label: 'At what comes from now on' },
          { value: 'earliest', label: 'At the oldest record' },
        ]}
        value={fields.start}
        onChange={(start) => onChange({ start: start ?? 'latest' })}
        allowDeselect={false}
      />
      <TextInput
        label="Filter"
        description="CEL over input and trigger; a record for which it is false starts nothing."
        placeholder="input.amount > 100"
        value={fields.filter}
        onChange={(event) => onChange({ filter: event.currentTarget.value })}
        error={problems['/config/filter']}
        styles={{ input: { fontFamily: 'var(--mr-mono)', fontSize: 'var(--mr-mono-size)' } }}
      />
    </>
  )
}
