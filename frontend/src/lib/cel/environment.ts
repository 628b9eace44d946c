/** The environment in which previews evaluate: the same variables, functions and rules of numbers as the server's. */
import { Environment, Optional, type ParseResult } from '@marcbachmann/cel-js'
import { sha256 } from '@noble/hashes/sha2.js'
import { adapt, equal, isComparison, within } from './adapt'
import './collections'
import './numbers'
import './text'
import { call, declared } from './define'
import { uuidText } from './encodings'
import './standard'
import { ENTRY, isZero, present, withoutAbsent, withOptionalEntries, withOptionalMaps } from './optionals'

export const VARIABLES = ['input', 'trigger', 'nodes', 'execution', 'item', 'index', 'event'] as const
const NAMESPACES = ['date', 'math', 'strings', 'base64', 'hex', 'url', 'html', 'json', 'hash', 'lists', 'format'] as const

class Namespace {
  constructor(readonly name: string) {}
}

/** What now(), uuid() and random() give; `seed` and the count of calls decide the last two, as on the server. */
export interface Moment {
  now: Date
  seed: string
}

let moment: Moment = { now: new Date(), seed: 'preview' }
let calls = 0

function digest(): Uint8Array {
  return sha256(new TextEncoder().encode(`${moment.seed}\n${calls++}`))
}

function random(): number {
  const bytes = digest()
  const value = bytes.slice(0, 8).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
  return Number(value >> 11n) / 2 ** 53
}

const dyns = (count: number): string => Array.from({ length: count }, () => 'dyn').join(', ')

function made(): Environment {
  const environment = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false, limits: { maxListElements: 10_000 } })
  for (const name of VARIABLES) environment.registerVariable(name, 'dyn')
  environment.registerType('Namespace', { ctor: Namespace, fields: { name: 'string' } } as never)
  for (const name of NAMESPACES) environment.registerConstant(name, 'Namespace', new Namespace(name) as never)
  environment.registerFunction('f_now(): google.protobuf.Timestamp', () => moment.now)
  environment.registerFunction('f_uuid(): string', () => uuidText(digest().slice(0, 16), 4))
  environment.registerFunction('f_random(): double', random)
  environment.registerFunction('dyn.m_ofNonZeroValue(dyn): optional<dyn>', (_: unknown, value: unknown) => (isZero(value) ? Optional.none() : Optional.of(value)))
  environment.registerFunction('f_equal(dyn, dyn): bool', equal)
  environment.registerFunction('f_unequal(dyn, dyn): bool', (left: unknown, right: unknown) => !equal(left, right))
  environment.registerFunction('f_within(dyn, dyn): bool', within)
  environment.registerFunction('f_entry(dyn): dyn', (key: string) => ENTRY + key)
  environment.registerFunction('f_element(dyn): dyn', (value: unknown) => ({ [ENTRY]: value }))
  environment.registerFunction('f_object(dyn): dyn', withoutAbsent)
  environment.registerFunction('f_list(dyn): dyn', (values: unknown[]) => values.flatMap(present))
  environment.registerFunction('dyn.m_first(): optional<dyn>', (values: unknown[]) => optional(values, 0))
  environment.registerFunction('dyn.m_last(): optional<dyn>', (values: unknown[]) => optional(values, -1))
  const done = new Set(['first/1', 'last/1'])
  for (const { name, arity, method } of declared()) register(environment, name, arity, method, done)
  for (const [left, right] of [['int', 'double'], ['double', 'int']] as const) mixed(environment, left, right)
  return environment
}

function optional(values: unknown, at: number): unknown {
  if (!Array.isArray(values)) throw new Error('only a list has a first and a last element')
  const found: unknown = values.at(at)
  return found === undefined ? Optional.none() : Optional.of(found)
}

/** `date.format(…)` is parsed as a method of `date`, so functions of namespaces and methods share their names here. */
function register(environment: Environment, name: string, arity: number, method: boolean, done: Set<string>): void {
  const own = name.slice(name.lastIndexOf('.') + 1)
  if (!method && !name.includes('.')) {
    environment.registerFunction(`f_${name}(${dyns(arity)}): dyn`, (...given: unknown[]) => call(false, name, given))
    return
  }
  const parameters = method ? arity - 1 : arity
  const key = `${own}/${parameters + 1}`
  if (done.has(key)) return
  done.add(key)
  environment.registerFunction(`dyn.m_${own}(${dyns(parameters)}): dyn`, (on: unknown, ...given: unknown[]) =>
    on instanceof Namespace ? call(false, `${on.name}.${own}`, given) : call(true, own, [on, ...given]),
  )
}

const ARITHMETIC = { '+': (a: number, b: number) => a + b, '-': (a: number, b: number) => a - b, '*': (a: number, b: number) => a * b, '/': (a: number, b: number) => a / b }
/** Ints with doubles: arithmetic gives doubles. */
function mixed(environment: Environment, left: string, right: string): void {
  for (const [sign, run] of Object.entries(ARITHMETIC)) {
    try {
      environment.registerOperator(`${left} ${sign} ${right}: double`, (a: unknown, b: unknown) => run(Number(a), Number(b)))
    } catch {
      continue // the library has it
    }
  }
}

let shared: Environment | undefined
const environment = (): Environment => (shared ??= made())

/** Parses and adapts. Throws the library's ParseError. */
export function parse(source: string): ParseResult {
  const treeOf = (text: string) => environment().parse(text).ast
  const text = withOptionalMaps(withOptionalEntries(source), treeOf)
  // A comparison gives its place to a call, which takes a parent to stand in.
  const parsed = environment().parse(isComparison(treeOf(text)) ? `dyn(${text}\n)` : text)
  adapt(parsed.ast, treeOf)
  return parsed
}

/** Evaluates with these values; now(), uuid() and random() come from `at`. */
export function run(parsed: ParseResult, values: Record<string, unknown>, at: Moment): unknown {
  moment = at
  calls = 0
  return parsed(values) as unknown
}
