/** Small words: counts, ids, sizes, shell quoting. */

export const plural = (count: number, one: string, many = `${one}s`): string => `${count.toLocaleString('en')} ${count === 1 ? one : many}`

/** An id short enough for a table: its prefix and its last characters, which differ first. */
export const shortId = (id: string): string => (id.length <= 14 ? id : `${id.slice(0, id.indexOf('_') + 1)}…${id.slice(-6)}`)

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}

/** A word for a POSIX shell, quoted only when it needs to be. */
export const shellWord = (word: string): string => (/^[A-Za-z0-9_./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)

export interface CurlRequest {
  method: string
  url: string
  headers?: Record<string, string>
  body?: unknown
}

/** A command to paste into a terminal. */
export function curlCommand({ method, url, headers = {}, body }: CurlRequest): string {
  const words = ['curl', ...(method === 'GET' ? [] : ['-X', method]), shellWord(url)]
  const lines = [words.join(' ')]
  for (const [name, value] of Object.entries(headers)) lines.push(`-H ${shellWord(`${name}: ${value}`)}`)
  if (body !== undefined) lines.push(`-d ${shellWord(JSON.stringify(body))}`)
  return lines.join(' \\\n  ')
}

/** A slug as the API makes one of a name, for previews. */
export const slugFrom = (name: string): string =>
  name.normalize('NFKD').replace(/[^\x20-\x7e]/g, '').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 50).replace(/-+$/, '') || 'workflow'

/** Saves a text as a file of the reader's. */
export function downloadText(name: string, text: string, type = 'application/json'): void {
  const url = URL.createObjectURL(new Blob([text], { type }))
  const link = Object.assign(document.createElement('a'), { href: url, download: name })
  link.click()
  URL.revokeObjectURL(url)
}
