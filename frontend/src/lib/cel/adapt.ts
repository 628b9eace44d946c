/** Changes a parsed expression in place, before it is checked: calls go to our functions (by `f_` and `m_` names), equality and `in` by our rules. */
import { entriesOf, identity, isMap, kindOf } from './values'

const KEPT = new Set([
  'has', 'all', 'exists', 'exists_one', 'map', 'filter', 'bind', 'or', 'orValue', 'value', 'hasValue', 'of', 'none', 'type', 'dyn', 'duration',
])
const COMPARISONS: Record<string, string> = { '==': 'f_equal', '!=': 'f_unequal', in: 'f_within' }

interface Tree {
  op: string
  args: unknown
  meta?: { alternate?: unknown }
}
type Parse = (text: string) => unknown

const isTree = (node: object): node is Tree => 'op' in node && 'args' in node

/** Whether the whole expression is one that will be replaced. */
export const isComparison = (tree: { op: string }): boolean => tree.op in COMPARISONS

/** Returns what stands in the node's place. `parse` makes new nodes; `done` knows what has been changed already. */
export function adapt(node: unknown, parse: Parse, done = new Map<unknown, unknown>()): unknown {
  if (typeof node !== 'object' || node === null || node instanceof Uint8Array) return node
  if (done.has(node)) return done.get(node)
  done.set(node, node)
  if (isTree(node)) return adaptTree(node, parse, done)
  if (Array.isArray(node) || Object.getPrototypeOf(node) === Object.prototype) {
    const holder = node as Record<string, unknown>
    for (const name of Object.keys(holder)) holder[name] = adapt(holder[name], parse, done)
  }
  return node
}

function adaptTree(tree: Tree, parse: Parse, done: Map<unknown, unknown>): unknown {
  if (tree.op === 'value') return tree
  if (tree.op === 'call' || tree.op === 'rcall') {
    const parts = tree.args as [string, ...unknown[]]
    if (!KEPT.has(parts[0])) parts[0] = `${tree.op === 'call' ? 'f' : 'm'}_${parts[0]}`
  }
  tree.args = adapt(tree.args, parse, done)
  if (tree.meta?.alternate) tree.meta.alternate = adapt(tree.meta.alternate, parse, done)
  const name = COMPARISONS[tree.op]
  if (name === undefined) return tree
  const call = parse(`${name}(0, 0)`) as Tree
  const operands = tree.args as unknown[]
  if (tree.op !== 'in') refuseLiterals(operands)
  ;(call.args as unknown[])[1] = operands
  done.set(tree, call)
  return call
}

/** Literals of two kinds are a mistake that the server finds before it evaluates. */
function refuseLiterals(operands: unknown[]): void {
  const kinds = operands.map((operand) => ((operand as Tree).op === 'value' ? kindOf((operand as Tree).args).replace('double', 'int') : null))
  const [left, right] = kinds
  if (left && right && left !== right && left !== 'null' && right !== 'null') throw new Error(`${left} and ${right} cannot be compared`)
}

/** Equal by value, whatever kind of number. */
export function equal(left: unknown, right: unknown): boolean {
  const numbers = [left, right].every((value) => kindOf(value) === 'double')
  if (numbers) return left === right
  if (kindOf(left) === 'other' || kindOf(right) === 'other') return left === right
  return identity(left) === identity(right)
}

/** Whether a list has the value, or an object the name. */
export function within(value: unknown, holder: unknown): boolean {
  if (Array.isArray(holder)) return holder.some((each) => equal(each, value))
  if (isMap(holder)) return entriesOf(holder).some(([name]) => name === value)
  throw new Error('in needs a list or an object')
}
