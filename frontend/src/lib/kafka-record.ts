/** A Kafka record as the API keeps it (key, value and header values in base64), made readable. */

function fromBase64(text: string): unknown {
  let plain: string
  try {
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
    plain = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return { base64: text }
  }
  try {
    return JSON.parse(plain) as unknown
  } catch {
    return plain
  }
}

/** Key and value as JSON or text where they are that; everything else as it came. */
export function decodeRecord(record: Record<string, unknown> | null): unknown {
  if (record === null) return null
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, (name === 'key' || name === 'value') && typeof value === 'string' ? fromBase64(value) : value]))
}
