import { Button, Checkbox, Group } from '@mantine/core'
import { IconPlayerRecord } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { openTest, triggerKeys, triggerTestQuery } from '@/api/queries/triggers'
import type { Trigger } from '@/api/types'
import { shortId } from '@/lib/text'
import { CopyButton } from '@/ui/copy-button'
import { JsonView } from '@/ui/json-view'
import { notifyProblem } from '@/ui/notify'
import { Section } from '@/ui/page'
import { RelativeTime } from '@/ui/relative-time'
import classes from './trigger-page.module.css'

/** A URL that catches the sender's next request, so that its real shape is seen before anything goes live. */
export function TestUrl({ trigger }: { trigger: Trigger }) {
  const client = useQueryClient()
  const [run, setRun] = useState(true)
  const test = useQuery(triggerTestQuery(trigger.id)).data
  const open = useMutation({
    mutationFn: () => openTest(trigger.id, run),
    onSuccess: () => client.invalidateQueries({ queryKey: [...triggerKeys.one(trigger.id), 'test'] }),
    onError: (error) => notifyProblem(error, 'No test URL'),
  })
  const url = open.data && test?.id === open.data.id ? open.data.url : undefined
  return (
    <Section title="Try it with a real request">
      <div className={classes.stack}>
        <p className={classes.note}>A test URL catches one request within 15 minutes. Nothing that is live sees it.</p>
        <Group gap="md">
          <Button variant="default" leftSection={<IconPlayerRecord size={15} />} loading={open.isPending} onClick={() => open.mutate()} data-testid="open-test">
            {url ? 'Make another' : 'Make a test URL'}
          </Button>
          <Checkbox label="Run the draft with it" checked={run} onChange={(event) => setRun(event.currentTarget.checked)} />
        </Group>
        {url && test?.state === 'listening' ? (
          <div className={classes.url}>
            <code data-testid="test-url">{url}</code>
            <CopyButton value={url} label="Copy the test URL" />
          </div>
        ) : null}
        {test ? (
          <p className={classes.note} role="status" data-testid="test-state" data-state={test.state}>
            {test.state === 'listening' ? <>It listens; it ends <RelativeTime at={test.expires_at} />. {url ? null : 'Its URL was shown once, when it was made.'}</> : null}
            {test.state === 'captured' ? <>Caught a request <RelativeTime at={test.captured_at} />. {test.execution_id ? <Link to="/executions/$id" params={{ id: test.execution_id }}>The draft ran: {shortId(test.execution_id)}</Link> : null}</> : null}
            {test.state === 'expired' ? 'The last one ended without a request.' : null}
            {test.problem ? <> {test.problem}</> : null}
          </p>
        ) : null}
        {test?.captured ? <JsonView title="What came" value={test.captured} testId="test-captured" /> : null}
      </div>
    </Section>
  )
}
