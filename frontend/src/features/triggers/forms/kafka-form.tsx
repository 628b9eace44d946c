import { Select, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { healthQuery } from '@/api/queries/installation'
import { localZone } from '@/lib/time'
import { ConfigFields, PartNotice, type FormProps } from './config-fields'
import { toLocalField } from './model'

const BEGINNINGS = [
  { value: 'latest', label: 'At what comes from now on' },
  { value: 'earliest', label: 'At the oldest record' },
  { value: 'at', label: 'At a time' },
]

export function KafkaForm(props: FormProps) {
  const { config, onChange, problems } = props
  const kafka = useQuery(healthQuery()).data?.checks.kafka
  const start = typeof config.start === 'string' ? config.start : 'latest'
  const beginning = start === 'latest' || start === 'earliest' ? start : 'at'
  return (
    <>
      {kafka && kafka.status !== 'ok' ? <PartNotice title={kafka.status === 'off' ? 'Kafka is off here' : 'Kafka does not answer'} detail={kafka.detail} /> : null}
      <TextInput label="Topic" placeholder="orders" description="It need not exist yet." value={typeof config.topic === 'string' ? config.topic : ''} onChange={(event) => onChange({ ...config, topic: event.currentTarget.value.trim() })} error={problems['/config/topic']} required withAsterisk={false} data-testid="kafka-topic" />
      <Select
        label="Start"
        description="Where to begin when the group has no position yet."
        data={BEGINNINGS}
        value={beginning}
        onChange={(next) => onChange({ ...config, start: next === 'at' ? new Date().toISOString() : (next ?? 'latest') })}
        allowDeselect={false}
        error={beginning === 'at' ? undefined : problems['/config/start']}
      />
      {beginning === 'at' ? (
        <TextInput type="datetime-local" label={`At (${localZone()})`} value={toLocalField(start)} onChange={(event) => event.currentTarget.value && onChange({ ...config, start: new Date(event.currentTarget.value).toISOString() })} error={problems['/config/start']} />
      ) : null}
      <ConfigFields {...props} without={['topic', 'start']} />
    </>
  )
}
