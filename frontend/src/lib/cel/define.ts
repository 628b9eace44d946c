/** How functions are declared here: by the same signatures as on the server, chosen at run time by the kinds of the values. */
import { describe, kindOf, type Kind } from './values'

type Run = (...given: never[]) => unknown
interface Overload {
  parameters: string[]
  run: Run
}

const SEVERAL: Record<string, Kind[]> = { number: ['int', 'double', 'uint'], time: ['timestamp', 'string'], text: ['string', 'bytes'] }
const table = new Map<string, Overload[]>()

const keyOf = (method: boolean, name: string): string => `${method ? '.' : ''}${name}`

/** Declares a function; each signature is `string, int`, the kinds of its arguments (a method's first is what it is called on). */
function declare(method: boolean, name: string, overloads: Record<string, Run>): void {
  const known = table.get(keyOf(method, name)) ?? []
  for (const [signature, run] of Object.entries(overloads)) known.push({ parameters: signature ? signature.split(', ') : [], run })
  table.set(keyOf(method, name), known)
}

export const define = (name: string, overloads: Record<string, Run>): void => { declare(false, name, overloads) }
export const method = (name: string, overloads: Record<string, Run>): void => { declare(true, name, overloads) }

const takes = (parameter: string, value: unknown): boolean => parameter === 'dyn' || (SEVERAL[parameter]?.includes(kindOf(value)) ?? parameter === kindOf(value))

/** Calls the overload that fits. Throws an Error that says what the function takes. */
export function call(isMethod: boolean, name: string, given: unknown[]): unknown {
  const overloads = table.get(keyOf(isMethod, name))
  if (!overloads) throw new Error(`unknown function '${name}'`)
  const found = overloads.find(({ parameters }) => parameters.length === given.length && parameters.every((parameter, at) => takes(parameter, given[at])))
  if (found) return found.run(...(given as never[]))
  const known = overloads.map(({ parameters }) => (isMethod ? `${parameters[0]}.${name}(${parameters.slice(1).join(', ')})` : `${name}(${parameters.join(', ')})`))
  throw new Error(`${name} cannot be applied to (${given.map(describe).join(', ')}); it takes: ${known.join('; ')}`)
}

/** Name and number of arguments of each, so that the environment can declare them. */
export function declared(): { method: boolean; name: string; arity: number }[] {
  const found = new Map<string, { method: boolean; name: string; arity: number }>()
  for (const [key, overloads] of table) {
    const isMethod = key.startsWith('.')
    const name = isMethod ? key.slice(1) : key
    for (const { parameters } of overloads) found.set(`${key}/${parameters.length}`, { method: isMethod, name, arity: parameters.length })
  }
  return [...found.values()]
}
