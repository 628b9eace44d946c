/**
 * Following an execution: server-sent events read with fetch, since EventSource cannot carry the key. Where the API does not stream (API Gateway),
 * or the stream breaks for good, `following` is false and the pages' polling does the work.
 */
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { send } from './client'
import { executionKeys } from './queries/executions'

const RECONNECT = 1_000
const GATHER = 120

/** Splits a byte stream into the data of its server-sent events. */
export async function* readEvents(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = stream.pipeThrough(new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array>).getReader()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      const blocks = (rest + value).replaceAll('\r\n', '\n').split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const data = block.split('\n').filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trimStart())
        if (data.length > 0) yield data.join('\n')
      }
    }
  } finally {
    reader.cancel().catch(() => undefined)
  }
}

interface Follower {
  onOpen: () => void
  onEvent: () => void
  onEnd: () => void
}

/** Follows until aborted. Gives up for good when the answer is no event stream. */
async function follow(id: string, follower: Follower, signal: AbortSignal): Promise<void> {
  let after = 0
  for (let failures = 0; failures < 5 && !signal.aborted; failures++) {
    try {
      const response = await send('GET', `/executions/${id}/events`, { query: { after }, headers: { Accept: 'text/event-stream' }, signal })
      if (!response.body || !(response.headers.get('content-type') ?? '').startsWith('text/event-stream')) return
      follower.onOpen()
      for await (const data of readEvents(response.body)) {
        failures = 0
        const event = JSON.parse(data) as { seq?: number; type?: string }
        after = Math.max(after, event.seq ?? 0)
        follower.onEvent()
        if (event.type && /^execution\.(succeeded|failed|cancelled)$/.test(event.type)) return
      }
    } catch {
      if (signal.aborted) return
    }
    follower.onEnd()
    await new Promise((resolve) => setTimeout(resolve, RECONNECT * (failures + 1)))
  }
}

/** Keeps the execution's query fresh as it happens. True while a stream is open, so that polling may rest. */
export function useExecutionStream(id: string, live: boolean): boolean {
  const client = useQueryClient()
  const [following, setFollowing] = useState(false)
  useEffect(() => {
    if (!live) return undefined
    const stop = new AbortController()
    let timer: number | undefined
    const refresh = () => {
      timer ??= window.setTimeout(() => {
        timer = undefined
        void client.invalidateQueries({ queryKey: executionKeys.one(id) })
      }, GATHER)
    }
    const follower = { onOpen: () => setFollowing(true), onEvent: refresh, onEnd: () => setFollowing(false) }
    void follow(id, follower, stop.signal).finally(() => {
      setFollowing(false)
      if (!stop.signal.aborted) refresh()
    })
    return () => {
      stop.abort()
      window.clearTimeout(timer)
      setFollowing(false)
    }
  }, [client, id, live])
  return following
}
