import { Modal } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { messageQuery } from '@/api/queries/messages'
import { shortId } from '@/lib/text'
import { ErrorPanel } from '@/ui/error-panel'
import { JsonView } from '@/ui/json-view'
import { KeyValues } from '@/ui/key-values'
import { Loading } from '@/ui/loading'
import { RelativeTime } from '@/ui/relative-time'
import { StatusBadge } from '@/ui/status-badge'
import { channelName, STATUS_WORDS } from './words'

/** One message's way from step to recipient. */
export function MessageDialog({ id, nameOf, onClose }: { id: string; nameOf: (id: string) => string; onClose: () => void }) {
  const { data: message, error, isError } = useQuery(messageQuery(id))
  const when = (at: string | null | undefined) => (at ? <RelativeTime at={at} /> : null)
  return (
    <Modal opened onClose={onClose} title="Message" size="lg" data-testid="message-dialog">
      {isError ? <ErrorPanel error={error} /> : null}
      {!message && !isError ? <Loading /> : null}
      {message ? (
        <div style={{ display: 'grid', gap: 16 }}>
          <KeyValues
            entries={[
              ['Status', <StatusBadge key="status" status={message.status} label={STATUS_WORDS[message.status].label} />],
              ['That is', message.reason || STATUS_WORDS[message.status].about],
              ['Detail', message.detail || null],
              ['To', `${message.recipient}, by ${channelName(message.channel)}`],
              ['Provider', message.provider],
              ['Its id there', message.message_id ? <code key="id">{message.message_id}</code> : null],
              ['Sent by', <Link key="by" to="/executions/$id" params={{ id: message.execution_id }} search={{ node: message.node_id }}>{nameOf(message.workflow_id)} {shortId(message.execution_id)}</Link>],
              ['Accepted', when(message.accepted_at)],
              ['Handed over', when(message.handed_at)],
              ['Settled', when(message.settled_at)],
            ]}
          />
          {message.tried.length > 0 ? <JsonView title="Tried before" value={message.tried} /> : null}
        </div>
      ) : null}
    </Modal>
  )
}
