import { useQuery } from '@tanstack/react-query'
import { triggerTypesQuery } from '@/api/queries/installation'
import { workflowQuery } from '@/api/queries/workflows'
import type { Trigger } from '@/api/types'
import { sampleInput } from '@/lib/definition'
import { curlCommand } from '@/lib/text'
import { CodeBlock } from '@/ui/code-block'
import { CopyButton } from '@/ui/copy-button'
import { Section } from '@/ui/page'
import classes from './trigger-page.module.css'

const AUTH_HEADERS: Record<string, Record<string, string>> = {
  api_key: { Authorization: 'Bearer <an API key of this workspace>' },
  standard_webhooks: { 'webhook-id': '<id>', 'webhook-timestamp': '<seconds>', 'webhook-signature': 'v1,<signature>' },
}

/** How to call it: the URL, and a command to paste. */
export function CallPanel({ trigger, url }: { trigger: Trigger; url: string }) {
  const schema = useQuery(workflowQuery(trigger.workflow_id)).data?.workflow.definition.input_schema
  const example = useQuery(triggerTypesQuery()).data?.find(({ type }) => type === 'api')?.input_example
  const methods = (trigger.config.methods as string[] | undefined) ?? ['POST']
  const method = methods.includes('POST') ? 'POST' : (methods[0] ?? 'POST')
  const auth = (trigger.config.auth ?? {}) as { type?: string; header?: string }
  const headers = auth.type === 'hmac' ? { [auth.header ?? 'x-millrace-signature']: 'sha256=<hex of HMAC-SHA256 over the body>' } : (AUTH_HEADERS[auth.type ?? ''] ?? {})
  const body = schema ? sampleInput(schema) : (example ?? {})
  const command = curlCommand({
    method,
    url: `${url}?wait=5`,
    headers: method === 'GET' ? headers : { 'Content-Type': 'application/json', ...headers },
    body: method === 'GET' ? undefined : body,
  })
  return (
    <Section title="Call it">
      <div className={classes.stack}>
        <div className={classes.url}>
          <code data-testid="trigger-url">{url}</code>
          <CopyButton value={url} label="Copy the URL" testId="copy-url" />
        </div>
        <CodeBlock text={command} label="the curl command" />
        <p className={classes.note}>
          With <code>?wait=5</code> the answer is what the workflow responds, within five seconds; without it, 202 and the execution’s id at once. Send an{' '}
          <code>Idempotency-Key</code> header, and a repeated call starts nothing new.
        </p>
        {trigger.notices.map((notice) => (
          <p key={notice} className={classes.note}>
            {notice.split('`').map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part))}
          </p>
        ))}
      </div>
    </Section>
  )
}
