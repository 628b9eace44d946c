/** CEL for previews: what an expression gives, as the server would say. Both run tests/corpus/expressions.json and must agree. */
import { parse, run, type Moment } from './environment'
import { fromJson, toJson } from './values'

export { encodeJson, parseJson } from './json'
export { VARIABLES, type Moment } from './environment'

export type Evaluated = { ok: true; value: unknown } | { ok: false; error: string }

/** The values that expressions see, as JSON: input, trigger, nodes, execution, and in loops item and index. */
export type Scope = Record<string, unknown>

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0]?.replace(/\b[fm]_(?=\w)/g, '') ?? ''

/** Evaluates one expression (without braces). Integers come back as bigint. `exact` values are taken as they are (from `parseJson`), others as `JSON.parse` gives them. */
export function evaluate(source: string, scope: Scope, at: Moment = { now: new Date(), seed: 'preview' }, exact = false): Evaluated {
  try {
    const values = exact ? scope : (fromJson(scope) as Scope)
    return { ok: true, value: toJson(run(parse(source), values, at)) }
  } catch (error) {
    return { ok: false, error: message(error) }
  }
}

/** Why an expression cannot be read, or null when it can. */
export function syntaxError(source: string): string | null {
  try {
    parse(source)
    return null
  } catch (error) {
    return message(error)
  }
}
