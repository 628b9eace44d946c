/** JSON, base64, hexadecimal, addresses, hashes and UUIDs. Text means UTF-8 where bytes are wanted. */
import { hmac } from '@noble/hashes/hmac.js'
import { md5, sha1 } from '@noble/hashes/legacy.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { define } from './define'
import { encodeJson, parseJson } from './json'
import { describe, entriesOf, isMap, toBase64, toJson } from './values'

type Text = string | Uint8Array
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i
const NAMESPACES: Record<string, string> = {
  dns: '6ba7b810-9dad-11d1-80b4-00c04fd430c8', url: '6ba7b811-9dad-11d1-80b4-00c04fd430c8',
  oid: '6ba7b812-9dad-11d1-80b4-00c04fd430c8', x500: '6ba7b814-9dad-11d1-80b4-00c04fd430c8',
}

export const utf8 = (value: Text): Uint8Array => (typeof value === 'string' ? new TextEncoder().encode(value) : value)

/** Throws when the bytes are no UTF-8. */
export function decodeUtf8(data: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data)
  } catch {
    throw new Error(`${what} does not hold UTF-8 text`)
  }
}

export function fromBase64(text: string): Uint8Array {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new Error('the text is not base64')
  const bare = text.replace(/=+$/, '')
  if (bare.length % 4 === 1) throw new Error('the text is not base64')
  return Uint8Array.from(atob(bare), (char) => char.charCodeAt(0))
}

function fromBase64Url(text: string): string {
  if (/[+/]/.test(text)) throw new Error('the text is not base64 for addresses, which has - and _')
  return decodeUtf8(fromBase64(text.replace(/-/g, '+').replace(/_/g, '/')), 'the base64')
}

function fromHex(text: string): Uint8Array {
  if (!/^(?:[0-9A-Fa-f]{2})*$/.test(text)) throw new Error('the text is not pairs of hexadecimal digits')
  const data = hexToBytes(text)
  if (data.includes(0)) throw new Error('the bytes hold a zero byte, which a function of an expression cannot hand on; keep them as text')
  return data
}

const percent = (text: string): string => encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

function unpercent(text: string): string {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) throw new Error('the text has a % that no two hexadecimal digits follow')
  return decodeURIComponent(text)
}

function query(values: unknown): string {
  const pairs: string[] = []
  for (const [name, given] of entriesOf(values)) {
    for (const value of Array.isArray(given) ? (given as unknown[]) : [given]) {
      if (isMap(value) || Array.isArray(value)) throw new Error(`the value of '${name}' is ${describe(value)}, which a query cannot hold`)
      if (value !== null) pairs.push(`${percent(name)}=${percent(typeof value === 'string' ? value : encodeJson(toJson(value)))}`)
    }
  }
  return pairs.join('&')
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function uuid5(namespace: string, name: string): string {
  const space = NAMESPACES[namespace] ?? namespace
  if (!UUID.test(space)) throw new Error('a namespace is a UUID, or one of dns, url, oid and x500')
  const digest = sha1(new Uint8Array([...hexToBytes(space.replace(/-/g, '')), ...utf8(name)])).slice(0, 16)
  return uuidText(digest, 5)
}

/** Sixteen bytes as a UUID of a version. */
export function uuidText(bytes: Uint8Array, version: number): string {
  const made = Uint8Array.from(bytes)
  made[6] = ((made[6] ?? 0) & 0x0f) | (version << 4)
  made[8] = ((made[8] ?? 0) & 0x3f) | 0x80
  return bytesToHex(made).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

const hex = (digest: (data: Uint8Array) => Uint8Array) => ({ text: (value: Text) => bytesToHex(digest(utf8(value))) })
const signed = (key: Text, message: Text): Uint8Array => hmac(sha256, utf8(key), utf8(message))

define('json.encode', { dyn: (value: unknown) => encodeJson(toJson(value)) })
define('json.decode', { string: parseJson })
define('base64.encode', { text: (value: Text) => toBase64(utf8(value)) })
define('base64.decode', { string: fromBase64 })
define('base64.decodeText', { string: (text: string) => decodeUtf8(fromBase64(text), 'the base64') })
define('base64.encodeUrl', { text: (value: Text) => toBase64(utf8(value)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '') })
define('base64.decodeUrl', { string: fromBase64Url })
define('hex.encode', { text: (value: Text) => bytesToHex(utf8(value)) })
define('hex.decode', { string: fromHex })
define('url.encode', { string: percent })
define('url.decode', { string: unpercent })
define('url.query', { map: query })
define('html.escape', { string: (text: string) => text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char) })
define('hash.md5', hex(md5))
define('hash.sha1', hex(sha1))
define('hash.sha256', hex(sha256))
define('hash.sha512', hex(sha512))
define('hash.hmacSha256', { 'text, text': (key: Text, message: Text) => bytesToHex(signed(key, message)) })
define('hash.hmacSha256Base64', { 'text, text': (key: Text, message: Text) => toBase64(signed(key, message)) })
define('uuid5', { 'string, string': uuid5 })
define('isUuid', { string: (text: string) => UUID.test(text) })
