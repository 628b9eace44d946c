/**
 * A plain static host: the build under a folder of its own, with a strict policy. The API is passed through beside it, or, with `elsewhere` (the port to listen
 * at), is where config.json says, on another origin: then this host knows files by their exact names and nothing else, as a bucket does.
 */
import { readFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { extname, join, normalize } from 'node:path'

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' }
const policyOf = (apis) => `default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self'; connect-src 'self' ${apis}; worker-src 'self'; base-uri 'none'; frame-ancestors 'none'`

export async function serveFolder(dist, folder, apiUrl, elsewhere = null) {
  const headers = { 'Content-Security-Policy': policyOf(elsewhere === null ? '' : new URL(apiUrl).origin) }
  const server = createServer((incoming, outgoing) => {
    const path = new URL(incoming.url, 'http://host').pathname
    if (elsewhere === null && path.startsWith(`${folder}api/`)) {
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
    const file = normalize(path.startsWith(folder) ? path.slice(folder.length) || (elsewhere === null ? 'index.html' : 'nothing') : 'nothing')
    if (elsewhere !== null && file === 'config.json') return outgoing.writeHead(200, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify({ apiUrl: new URL('api', apiUrl).href }))
    readFile(join(dist, file)).then(
      (body) => outgoing.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream', ...headers }).end(body),
      () => outgoing.writeHead(elsewhere === null ? 404 : 403).end(),
    )
  })
  await new Promise((resolve) => server.listen(elsewhere ?? 0, '127.0.0.1', resolve))
  const stop = () => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  }
  return { url: `http://127.0.0.1:${server.address().port}${folder}`, stop }
}
