/** Functions of lists and objects. */
import { define, method } from './define'
import { compare, describe, entriesOf, identity, isMap, kindOf, objectOf } from './values'

type List = unknown[]
const MOST = 1000
const INT64 = 2n ** 63n

function numbers(values: List): (bigint | number)[] {
  const wrong = values.find((value) => describe(value) !== 'a number')
  if (wrong !== undefined) throw new Error(`the list holds ${describe(wrong)}; only numbers can be added up`)
  return values as (bigint | number)[]
}

function sum(values: List): bigint | number {
  let total: bigint | number = 0n
  for (const value of numbers(values)) total = typeof total === 'bigint' && typeof value === 'bigint' ? total + value : Number(total) + Number(value)
  if (typeof total === 'bigint' && (total < -INT64 || total >= INT64)) throw new Error('the sum does not fit 64 bits')
  return total
}

function average(values: List): number {
  if (values.length === 0) throw new Error('the list is empty, so it has no average')
  return Number(sum(values)) / values.length
}

const extreme = (sign: number) => (values: List): unknown => {
  if (values.length === 0) throw new Error('the list is empty, so it has no smallest or largest')
  if (values.length === 1) compare(values[0], values[0])
  return values.reduce((best, value) => (compare(value, best) * sign > 0 ? value : best))
}

function field(item: unknown, name: string): unknown {
  if (!isMap(item)) throw new Error(`the list holds ${describe(item)}; only objects have fields`)
  const found = entriesOf(item).find(([own]) => own === name)
  if (!found) throw new Error(`an object of the list has no field '${name}'; it has: ${entriesOf(item).map(([own]) => own).slice(0, 12).join(', ')}`)
  return found[1]
}

function distinct(values: List): List {
  const found = new Map<string, unknown>()
  for (const value of values) if (!found.has(identity(value))) found.set(identity(value), value)
  return [...found.values()]
}

function slice(values: List, start: bigint, end: bigint): List {
  if (!(start >= 0n && start <= end && end <= BigInt(values.length))) throw new Error(`the list has ${values.length} elements; a slice from ${start} to ${end} is not in it`)
  return values.slice(Number(start), Number(end))
}

function chunk(values: List, size: bigint): List {
  if (size < 1n) throw new Error(`a chunk has at least one element, not ${size}`)
  const step = Number(size)
  return Array.from({ length: Math.ceil(values.length / step) }, (_, at) => values.slice(at * step, (at + 1) * step))
}

function groupName(value: unknown): string {
  if (typeof value === 'string') return value
  if (['null', 'bool', 'int', 'double'].includes(kindOf(value))) return identity(value)
  throw new Error(`${describe(value)} cannot be the name of a group`)
}

function groups(values: List, name: string): Map<string, List> {
  const found = new Map<string, List>()
  for (const item of values) {
    const group = groupName(field(item, name))
    found.set(group, [...(found.get(group) ?? []), item])
  }
  return found
}

function range(start: bigint, end: bigint): List {
  const size = Number(end - start)
  if (!(size >= 0 && size <= MOST)) throw new Error(`a range has between 0 and ${MOST} elements, not ${size}`)
  return Array.from({ length: size }, (_, at) => start + BigInt(at))
}

function get(value: unknown, path: string, otherwise: unknown = null): unknown {
  let found = value
  for (const name of path.split('.')) {
    const entry = isMap(found) ? entriesOf(found).find(([own]) => own === name) : undefined
    if (entry) found = entry[1]
    else if (Array.isArray(found) && /^\d+$/.test(name) && Number(name) < found.length) found = (found as List)[Number(name)]
    else return otherwise
  }
  return found
}

const least = (count: bigint): number => Math.max(0, Number(count))

method('sum', { list: sum })
method('avg', { list: average })
method('min', { list: extreme(-1) })
method('max', { list: extreme(1) })
method('sort', { list: (values: List) => [...values].sort(compare) })
method('sortBy', { 'list, string': (values: List, name: string) => [...values].sort((left, right) => compare(field(left, name), field(right, name))) })
method('distinct', { list: distinct })
method('reverse', { list: (values: List) => [...values].reverse(), string: (s: string) => Array.from(s).reverse().join('') })
method('flatten', { list: (values: List) => values.flat(1) })
method('slice', { 'list, int, int': slice })
method('take', { 'list, int': (values: List, count: bigint) => values.slice(0, least(count)) })
method('drop', { 'list, int': (values: List, count: bigint) => values.slice(least(count)) })
method('chunk', { 'list, int': chunk })
method('positionOf', { 'list, dyn': (values: List, wanted: unknown) => BigInt(values.findIndex((value) => identity(value) === identity(wanted))) })
method('compact', { list: (values: List) => values.filter((value) => value !== null) })
method('pluck', { 'list, string': (values: List, name: string) => values.map((item) => field(item, name)) })
method('groupBy', { 'list, string': (values: List, name: string) => objectOf(groups(values, name)) })
method('keyBy', { 'list, string': (values: List, name: string) => objectOf(new Map(values.map((item) => [groupName(field(item, name)), item]))) })
method('countBy', { 'list, string': (values: List, name: string) => objectOf([...groups(values, name)].map(([group, items]) => [group, BigInt(items.length)])) })
define('lists.range', { int: (end: bigint) => range(0n, end), 'int, int': range })
method('keys', { map: (value: unknown) => entriesOf(value).map(([name]) => name) })
method('values', { map: (value: unknown) => entriesOf(value).map(([, inner]) => inner) })
method('entries', { map: (value: unknown) => entriesOf(value).map(([key, inner]) => objectOf([['key', key], ['value', inner]])) })
method('merge', { 'map, map': (left: unknown, right: unknown) => objectOf(new Map([...entriesOf(left), ...entriesOf(right)])) })
method('pick', { 'map, list': (value: unknown, names: List) => objectOf(entriesOf(value).filter(([name]) => names.includes(name))) })
method('omit', { 'map, list': (value: unknown, names: List) => objectOf(entriesOf(value).filter(([name]) => !names.includes(name))) })
method('get', { 'map, string': get, 'map, string, dyn': get })
