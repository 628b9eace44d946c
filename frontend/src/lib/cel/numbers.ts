/** Functions of numbers, and numbers as text for people. */
import { define } from './define'
import { compare } from './values'

type Num = bigint | number

function finite(value: Num): number {
  const number = Number(value)
  if (!Number.isFinite(number)) throw new Error('the number is not finite')
  return number
}

/** The digits of a number rounded to so many decimals, half away from zero, by its shortest decimal form. */
function rounded(value: Num, places: bigint): string {
  if (places < 0n || places > 15n) throw new Error(`between 0 and 15 decimals can be kept, not ${places}`)
  const [mantissa = '', exponent = '0'] = (typeof value === 'bigint' ? `${value}e0` : finite(value).toExponential()).replace(/^-/, '').split(/e\+?/)
  const [whole = '', fraction = ''] = mantissa.split('.')
  const shift = Number(exponent) - fraction.length + Number(places) // value * 10^places = digits * 10^shift
  const digits = BigInt(whole + fraction)
  const scaled = shift >= 0 ? digits * 10n ** BigInt(shift) : (digits * 2n + 10n ** BigInt(-shift)) / (2n * 10n ** BigInt(-shift))
  const text = String(scaled).padStart(Number(places) + 1, '0')
  const negative = value < 0 && scaled !== 0n ? '-' : ''
  return `${negative}${places === 0n ? text : `${text.slice(0, -Number(places))}.${text.slice(-Number(places))}`}`
}

function power(base: Num, exponent: Num): number {
  const [from, to] = [Number(base), Number(exponent)]
  if (from === 0 && to < 0) throw new Error('0 has no negative power')
  if (from < 0 && !Number.isInteger(to)) throw new Error('a negative number has no broken power')
  const result = from ** to
  if (!Number.isFinite(result) && Number.isFinite(from) && Number.isFinite(to)) throw new Error('the power is too large')
  return result
}

function clamp(value: Num, least: Num, most: Num): number {
  if (compare(least, most) > 0) throw new Error('the smallest that is allowed is larger than the largest')
  return Math.min(Math.max(Number(value), Number(least)), Number(most))
}

function grouped(value: Num, places: bigint, point = '.', thousands = ','): string {
  const text = rounded(value, places)
  const [whole = '', fraction] = text.replace('-', '').split('.')
  const groups = whole.replace(/\B(?=(\d{3})+(?!\d))/g, thousands.replace(/\$/g, '$$$$'))
  return `${text.startsWith('-') ? '-' : ''}${groups}${fraction === undefined ? '' : point + fraction}`
}

function percentage(share: Num, places: bigint): string {
  const [mantissa = '', exponent = '0'] = finite(share).toExponential().split('e')
  return `${grouped(Number(`${mantissa}e${Number(exponent) + 2}`), places)} %`
}

function bytesText(count: Num): string {
  let size = Math.abs(finite(count))
  let unit = 'B'
  for (unit of ['B', 'kB', 'MB', 'GB', 'TB', 'PB']) {
    if (size < 999.95 || unit === 'PB') break
    size /= 1000
  }
  return `${count < 0 ? '-' : ''}${rounded(size, unit === 'B' ? 0n : 1n).replace(/\.0$/, '')} ${unit}`
}

/** To the nearest whole number, half away from zero. */
const nearest = (value: number): number => Math.sign(value) * Math.round(Math.abs(value))
const best = (sign: number) => (...values: Num[]): Num => values.reduce((found, value) => (compare(value, found) * sign > 0 ? value : found))
const overloads = (run: (...values: Num[]) => Num) => ({
  number: run, 'number, number': run, 'number, number, number': run, 'number, number, number, number': run,
  list: (values: Num[]) => {
    if (values.length === 0) throw new Error('the list is empty')
    return run(...values)
  },
})

define('math.greatest', overloads(best(1)))
define('math.least', overloads(best(-1)))
define('math.ceil', { double: Math.ceil })
define('math.floor', { double: Math.floor })
define('math.round', { double: nearest })
define('math.trunc', { double: Math.trunc })
define('math.abs', { int: (value: bigint) => (value < 0n ? -value : value), double: Math.abs })
define('math.sign', { int: (value: bigint) => BigInt(value > 0n) - BigInt(value < 0n), double: Math.sign })
define('math.sqrt', { number: (value: Num) => Math.sqrt(Number(value)) })
define('math.isNaN', { double: Number.isNaN })
define('math.isInf', { double: (value: number) => Math.abs(value) === Infinity })
define('math.isFinite', { double: Number.isFinite })
define('math.pow', { 'number, number': power })
define('math.roundTo', { 'number, int': (value: Num, places: bigint) => Number(rounded(value, places)) })
define('math.clamp', { 'number, number, number': clamp })
define('format.number', { 'number, int': grouped, 'number, int, string, string': grouped })
define('format.percent', { 'number, int': percentage })
define('format.bytes', { number: bytesText })
