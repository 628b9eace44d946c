/** A new step of a type, as its schema would have it: what must be there, with its defaults; nothing more. */
import type { JsonSchema, RegistryEntry } from '@/api/types'
import type { DefinitionNode } from '@/lib/definition'
import { kindOf } from '@/features/forms'
import { outputPorts } from '../graph/model'
import { alternatives, resolved } from '@/lib/schema'

/** Without `config` when nothing has to be said: the draft is then incomplete, and the form says where. */
export function newNode(type: string, entry: RegistryEntry | undefined, id: string): DefinitionNode {
  const config = entry ? startOf(entry.config_schema, entry.example) : undefined
  return { id, type, ...(entry ? { name: entry.title } : {}), config: (config ?? {}) as Record<string, unknown> }
}

/** What required fields begin with; not those that people have to fill in. Code begins with that of the example, in its language. */
function startOf(root: JsonSchema, example: Record<string, unknown> | undefined): unknown {
  const here = resolved(root, root)
  if (here.type !== 'object' || typeof here.properties !== 'object') return undefined
  const required = Array.isArray(here.required) ? (here.required as string[]) : []
  const properties = here.properties as Record<string, JsonSchema>
  const hasCode = required.some((name) => kindOf(name, properties[name] ?? {}, root) === 'code')
  const entries = required.flatMap((name): [string, unknown][] => {
    const inner = resolved(properties[name] ?? {}, root)
    if (inner.default !== undefined) return [[name, inner.default]]
    if (inner.const !== undefined) return [[name, inner.const]]
    if (hasCode && ['code', 'select'].includes(kindOf(name, inner, root)) && example?.[name] !== undefined) return [[name, example[name]]]
    if (isGraph(inner, root)) return [[name, { nodes: [], edges: [] }]]
    return []
  })
  return Object.fromEntries(entries)
}

/** Whether a field holds steps of its own, as the body of a loop does. */
export function isGraph(schema: JsonSchema, root: JsonSchema): boolean {
  return alternatives(schema, root).some((each) => {
    if (each['x-graph'] === true) return true
    const properties = each.properties as Record<string, JsonSchema> | undefined
    return properties?.nodes !== undefined && properties.edges !== undefined
  })
}

/** The way out by which a step inserted into an edge goes on; null for one that ends the workflow. */
export const firstPort = (node: DefinitionNode, entry: RegistryEntry | undefined): string | null => outputPorts(node, entry, [])[0] ?? null
