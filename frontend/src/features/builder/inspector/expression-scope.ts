/** What the expressions of one step may name: the steps before it, the input, and within a loop the item. Pure. */
import type { RegistryEntry } from '@/api/types'
import type { ExpressionScope, ScopeNode } from '@/features/expression'
import { sampleInput, type Definition } from '@/lib/definition'
import { ancestorsOf } from '@/lib/graph'
import type { RunData } from '../builder-context'
import { graphAt, type Scope } from '../model/scope'

/** Output that somebody pinned to a step, for tests; undefined when there is none. */
export const pinnedOutput = (ui: Record<string, unknown> | undefined): unknown => (typeof ui?.pinned === 'object' && ui.pinned !== null ? (ui.pinned as { output?: unknown }).output : undefined)

function known(definition: Definition, scope: Scope, before: ReadonlySet<string> | null, registry: readonly RegistryEntry[], run: RunData | null): ScopeNode[] {
  const graph = graphAt(definition, scope)
  return (graph?.nodes ?? [])
    .filter(({ id }) => before === null || before.has(id))
    .map((node) => ({
      id: node.id,
      name: node.name ?? node.id,
      type: node.type,
      schema: registry.find(({ type }) => type === node.type)?.output_schema,
      sample: pinnedOutput(node.ui) ?? run?.outputs[node.id],
    }))
}

export function scopeFor(definition: Definition, scope: Scope, nodeId: string | null, registry: readonly RegistryEntry[], run: RunData | null): ExpressionScope {
  const nodes: ScopeNode[] = []
  scope.forEach((id, depth) => {
    const outer = graphAt(definition, scope.slice(0, depth))
    if (outer) nodes.push(...known(definition, scope.slice(0, depth), ancestorsOf(outer, id), registry, run))
  })
  const graph = graphAt(definition, scope)
  if (graph) nodes.push(...known(definition, scope, nodeId === null ? null : ancestorsOf(graph, nodeId), registry, run))
  const schema = typeof definition.input_schema === 'object' ? definition.input_schema : undefined
  return {
    nodes,
    input: { schema, sample: run ? run.input : schema ? sampleInput(schema) : undefined },
    trigger: run?.trigger,
    ...(scope.length > 0 ? { item: {} } : {}),
  }
}
