import { Button, Switch } from '@mantine/core'
import { IconBroadcast } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { openTest, triggerKeys, triggerTestQuery } from '@/api/queries/triggers'
import type { Trigger, TriggerTest } from '@/api/types'
import { curlCommand, shortId } from '@/lib/text'
import { CodeBlock } from '@/ui/code-block'
import { CopyButton } from '@/ui/copy-button'
import { JsonView } from '@/ui/json-view'
import { notifyProblem } from '@/ui/notify'
import { RelativeTime } from '@/ui/relative-time'
import classes from './trigger-page.module.css'

interface TestPanelProps {
  trigger: Trigger
  /** Told of the execution that a caught request started. */
  onRun?: (executionId: string) => void
}

/** A URL that catches one request, to see what comes and to run the draft with it. */
export function TestPanel({ trigger, onRun }: TestPanelProps) {
  const client = useQueryClient()
  const [run, setRun] = useState(true)
  const [opened, setOpened] = useState<TriggerTest | null>(null)
  const { data: newest } = useQuery(triggerTestQuery(trigger.id))
  const open = useMutation({
    mutationFn: () => openTest(trigger.id, run),
    onSuccess: (made) => {
      setOpened(made)
      client.setQueryData([...triggerKeys.one(trigger.id), 'test'], made)
    },
    onError: (error) => notifyProblem(error, 'No test URL'),
  })
  // What was caught before this panel was opened has been seen, or was somebody else's.
  const mine = opened !== null && newest?.id === opened.id
  const shown = useRef<string | null>(null)
  useEffect(() => {
    if (!mine || !newest?.execution_id || shown.current === newest.execution_id) return
    shown.current = newest.execution_id
    onRun?.(newest.execution_id)
  }, [mine, newest, onRun])
  const method = ((trigger.config.methods as string[] | undefined) ?? ['POST'])[0] ?? 'POST'
  return (
    <div className={classes.stack} data-testid="test-state" data-state={newest?.state}>
      <p className={classes.note}>A test URL catches one request within 15 minutes. It passes the trigger’s own checks, so it shows what the workflow will get; nothing that is live sees it.</p>
      <Switch size="sm" label="Run the draft with it" checked={run} onChange={(event) => setRun(event.currentTarget.checked)} />
      <Button size="compact-sm" style={{ alignSelf: 'flex-start' }} leftSection={<IconBroadcast size={14} />} loading={open.isPending} onClick={() => open.mutate()} data-testid="open-test">
        {newest?.state === 'listening' && mine ? 'Make another URL' : 'Listen for a request'}
      </Button>
      {mine && opened.url && newest.state === 'listening' ? (
        <>
          <div className={classes.listening} role="status">
            <span className={classes.pulse} aria-hidden /> Listening; it closes <RelativeTime at={newest.expires_at} />
          </div>
          <div className={classes.url}>
            <code data-testid="test-url">{opened.url}</code>
            <CopyButton value={opened.url} label="Copy the test URL" />
          </div>
          <CodeBlock text={curlCommand({ method, url: opened.url, headers: method === 'GET' ? {} : { 'Content-Type': 'application/json' }, body: method === 'GET' ? undefined : { hello: 'world' } })} label="the curl command" wrap />
        </>
      ) : null}
      {newest?.problem ? (
        <p className={classes.wrong} role="alert">
          {newest.problem}
        </p>
      ) : null}
      {newest?.captured ? (
        <>
          <div className={classes.subtitle}>
            Caught <RelativeTime at={newest.captured_at} />
            {newest.execution_id ? (
              <>
                . <Link to="/executions/$id" params={{ id: newest.execution_id }}>The draft ran: {shortId(newest.execution_id)}</Link>
              </>
            ) : null}
          </div>
          <JsonView title="Input" value={newest.captured.input} testId="test-captured" />
          <JsonView title="trigger" value={newest.captured.trigger} />
        </>
      ) : null}
    </div>
  )
}
