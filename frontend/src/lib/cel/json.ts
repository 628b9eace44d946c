/** JSON as the server reads and writes it: integers are exact (bigint), other numbers are doubles that keep their form, names are sorted. */

const LONGEST_DEPTH = 200
const INT64 = 2n ** 63n

/** Parses JSON text; whole numbers without a fraction become bigint. Throws an Error that says what is wrong. */
export function parseJson(text: string): unknown {
  let at = 0
  const fail = (what: string): never => {
    throw new Error(`the text is not JSON: ${what} at position ${at}`)
  }
  const space = () => {
    while (at < text.length && ' \t\r\n'.includes(text[at] ?? '')) at += 1
  }
  const word = (token: string, value: unknown): unknown => {
    if (!text.startsWith(token, at)) fail('a value is expected')
    at += token.length
    return value
  }
  const string = (): string => {
    const found = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
    found.lastIndex = at
    const match = found.exec(text) ?? fail('a string is expected')
    at += match[0].length
    return JSON.parse(match[0]) as string
  }
  const number = (): bigint | number => {
    const found = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
    found.lastIndex = at
    const match = found.exec(text) ?? fail('a value is expected')
    at += match[0].length
    if (match[1] === undefined && match[2] === undefined) {
      const whole = BigInt(match[0])
      return whole >= -INT64 && whole < INT64 ? whole : fail('an integer does not fit 64 bits')
    }
    const double = Number(match[0])
    return Number.isFinite(double) ? double : fail('a number is too large')
  }
  const items = <T>(close: string, one: () => T): T[] => {
    const found: T[] = []
    at += 1
    space()
    if (text[at] === close) {
      at += 1
      return found
    }
    for (;;) {
      found.push(one())
      space()
      if (text[at] === close) break
      if (text[at] !== ',') fail(`',' or '${close}' is expected`)
      at += 1
      space()
    }
    at += 1
    return found
  }
  const value = (depth: number): unknown => {
    if (depth > LONGEST_DEPTH) fail('it nests too deeply')
    space()
    switch (text[at]) {
      case '{': {
        const entries = items('}', (): [string, unknown] => {
          const name = string()
          space()
          if (text[at] !== ':') fail("':' is expected")
          at += 1
          return [name, value(depth + 1)]
        })
        return sorted(entries)
      }
      case '[':
        return items(']', () => value(depth + 1))
      case '"':
        return string()
      case 't':
        return word('true', true)
      case 'f':
        return word('false', false)
      case 'n':
        return word('null', null)
      default:
        return number()
    }
  }
  const result = value(0)
  space()
  if (at < text.length) fail('something follows the value')
  return result
}

/** An object without a prototype, its names in code point order: loops walk over them so. */
export function sorted(entries: Iterable<[string, unknown]>): Record<string, unknown> {
  const made = Object.create(null) as Record<string, unknown>
  for (const [name, value] of [...entries].sort(([left], [right]) => compareText(left, right))) made[name] = value
  return made
}

/** By code points, as Python orders text (JavaScript orders by UTF-16 units). */
export function compareText(left: string, right: string): number {
  const a = [...left]
  const b = [...right]
  for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
    const difference = (a[at]?.codePointAt(0) ?? 0) - (b[at]?.codePointAt(0) ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** A double as Python writes it: 2.0, 1e-05, 1e+21. */
export function doubleText(value: number): string {
  if (!Number.isFinite(value)) throw new Error('NaN and infinity have no form in JSON')
  if (Object.is(value, -0)) return '-0.0'
  const [digits = '', exponent = '0'] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power >= -4 && power < 16) return Number.isInteger(value) ? `${BigInt(value)}.0` : plain(value)
  const sign = power < 0 ? '-' : '+'
  return `${digits}e${sign}${String(Math.abs(power)).padStart(2, '0')}`
}

/** Without an exponent: JavaScript itself writes one below 1e-6 only, so 1e-5 and larger come out whole. */
function plain(value: number): string {
  return String(value)
}

/** Compact JSON, names sorted, of values that JSON has: null, booleans, strings, bigint, numbers, arrays, objects. */
export function encodeJson(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return doubleText(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(encodeJson).join(',')}]`
  const names = Object.keys(value as object).sort(compareText)
  return `{${names.map((name) => `${JSON.stringify(name)}:${encodeJson((value as Record<string, unknown>)[name])}`).join(',')}}`
}
