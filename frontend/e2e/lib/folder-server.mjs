/** A plain static host: the build under a folder of its own, with a strict policy, and the API passed through beside it. */
import { readFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { extname, join, normalize } from 'node:path'

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' }
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; frame-ancestors 'none'"

export async function serveFolder(dist, folder, apiUrl) {
  const server = createServer((incoming, outgoing) => {
    const path = new URL(incoming.url, 'http://host').pathname
    if (path.startsWith(`${folder}api/`)) {
      const target = new URL(incoming.url.slice(folder.length), apiUrl)
      const passed = request(target, { method: incoming.method, headers: { ...incoming.headers, host: target.host } }, (answer) => {
        outgoing.writeHead(answer.statusCode, answer.headers)
        answer.pipe(outgoing)
      })
      passed.on('error', () => outgoing.destroy())
      outgoing.on('close', () => passed.destroy())
      incoming.pipe(passed)
      return
    }
    const file = normalize(path.startsWith(folder) ? path.slice(folder.length) || 'index.html' : 'nothing')
    readFile(join(dist, file)).then(
      (body) => outgoing.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': POLICY }).end(body),
      () => outgoing.writeHead(404).end(),
    )
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = () => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  }
  return { url: `http://127.0.0.1:${server.address().port}${folder}`, stop }
}
