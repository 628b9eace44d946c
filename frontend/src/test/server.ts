/** A real HTTP server for tests of the API client: what it was sent, and what it is to answer. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Sent {
  method: string
  url: string
  headers: IncomingMessage['headers']
  body: string
}

export interface Reply {
  status?: number
  headers?: Record<string, string>
  body?: string
  /** Sent one after another, with the connection kept open between. */
  chunks?: string[]
  /** The connection is cut instead of an answer. */
  cut?: boolean
}

export interface TestServer {
  url: URL
  sent: Sent[]
  answer: (reply: Reply) => void
  stop: () => Promise<void>
}

export async function startServer(): Promise<TestServer> {
  const sent: Sent[] = []
  const replies: Reply[] = []
  const server: Server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      sent.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body })
      const reply = replies.shift() ?? { status: 500 }
      if (reply.cut) return request.socket.destroy()
      response.writeHead(reply.status ?? 200, reply.headers)
      for (const chunk of reply.chunks ?? []) response.write(chunk)
      response.end(reply.body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: new URL(`http://127.0.0.1:${port}/api/`),
    sent,
    answer: (reply) => replies.push(reply),
    stop: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
