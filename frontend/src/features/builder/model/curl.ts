/** A pasted `curl` command as the config of an http.request step. */

export interface CurlConfig extends Record<string, unknown> {
  method: string
  url: string
  headers?: Record<string, string>
  query?: Record<string, string>
  body?: unknown
}

/** Words as a POSIX shell would see them: quotes, backslashes, continued lines, $'…'. */
export function shellWords(text: string): string[] {
  const words: string[] = []
  let word: string | null = null
  const source = text.replace(/\\\r?\n/g, ' ').replace(/[\^`]\r?\n/g, ' ')
  for (let at = 0; at < source.length; at++) {
    const char = source.charAt(at)
    if (/\s/.test(char)) {
      if (word !== null) words.push(word)
      word = null
    } else if (char === "'" || (char === '$' && source.charAt(at + 1) === "'")) {
      const ansi = char === '$'
      at += ansi ? 2 : 1
      word ??= ''
      for (; at < source.length && source.charAt(at) !== "'"; at++) {
        if (ansi && source.charAt(at) === '\\') word += unescaped(source.charAt(++at))
        else word += source.charAt(at)
      }
    } else if (char === '"') {
      word ??= ''
      for (at++; at < source.length && source.charAt(at) !== '"'; at++) {
        if (source.charAt(at) === '\\' && /["\\$`]/.test(source.charAt(at + 1))) at++
        word += source.charAt(at)
      }
    } else if (char === '\\') word = (word ?? '') + source.charAt(++at)
    else word = (word ?? '') + char
  }
  if (word !== null) words.push(word)
  return words
}

const unescaped = (char: string): string => ({ n: '\n', t: '\t', r: '\r' })[char] ?? char

const WITH_VALUE = new Set([
  '-o', '--output', '-m', '--max-time', '--connect-timeout', '-A', '--user-agent', '-e', '--referer', '-b', '--cookie', '-c', '--cookie-jar', '-x', '--proxy',
  '--retry', '-w', '--write-out', '--cacert', '--cert', '--key', '-F', '--form', '-T', '--upload-file', '--resolve',
])

/** Null for a text that is no curl command. */
export function readCurl(text: string): CurlConfig | null {
  const words = shellWords(text.trim())
  if (words[0] !== 'curl') return null
  const headers: Record<string, string> = {}
  const data: string[] = []
  let method: string | null = null
  let url = ''
  let asQuery = false
  for (let at = 1; at < words.length; at++) {
    const raw = words[at] ?? ''
    const joined = /^(--[a-z-]+)=([\s\S]*)$/.exec(raw) ?? /^(-[XHdu])([\s\S]+)$/.exec(raw)
    const word = joined?.[1] ?? raw
    const value = () => joined?.[2] ?? words[++at] ?? ''
    if (word === '-X' || word === '--request') method = value().toUpperCase()
    else if (word === '-H' || word === '--header') {
      const header = value()
      const colon = header.indexOf(':')
      if (colon > 0) headers[header.slice(0, colon).trim()] = header.slice(colon + 1).trim()
    } else if (/^(-d|--data(-raw|-binary|-ascii|-urlencode)?|--json)$/.test(word)) {
      data.push(value())
      if (word === '--json') headers['Content-Type'] ??= 'application/json'
    } else if (word === '-u' || word === '--user') headers.Authorization = `Basic ${btoa(value())}`
    else if (word === '-A' || word === '--user-agent') headers['User-Agent'] = value()
    else if (word === '-b' || word === '--cookie') headers.Cookie = value()
    else if (word === '-G' || word === '--get') asQuery = true
    else if (word === '-I' || word === '--head') method = 'HEAD'
    else if (word === '--url') url = value()
    else if (WITH_VALUE.has(word)) value()
    else if (!word.startsWith('-')) url ||= word
  }
  if (url === '') return null
  return configOf({ method, url, headers, data, asQuery })
}

interface Read {
  method: string | null
  url: string
  headers: Record<string, string>
  data: string[]
  asQuery: boolean
}

function configOf({ method, url, headers, data, asQuery }: Read): CurlConfig {
  const text = data.join('&')
  const given = url.includes('://') ? url : `http://${url}`
  const config: CurlConfig = { method: method ?? (data.length > 0 && !asQuery ? 'POST' : 'GET'), url: asQuery && text ? `${given}?${text}` : given }
  const type = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type')
  if (data.length > 0 && !asQuery) {
    const parsed = json(text)
    if (parsed !== undefined && (!type || /json/i.test(type[1]))) {
      config.body = parsed
      if (type) delete headers[type[0]]
    } else if (!type || /x-www-form-urlencoded/i.test(type[1])) {
      config.body = Object.fromEntries(new URLSearchParams(text))
      if (!type) headers['Content-Type'] = 'application/x-www-form-urlencoded'
    } else config.body = text
  }
  if (Object.keys(headers).length > 0) config.headers = headers
  return config
}

function json(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

export function hostOf(url: string): string {
  try {
    return new URL(url).host
  } catch {
    return url
  }
}
