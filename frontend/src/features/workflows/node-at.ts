import type { Definition, DefinitionNode } from '@/lib/definition'

/** A step by its id, within the loops that lead to it. */
export function nodeAt(definition: Definition, scope: readonly string[], id: string): DefinitionNode | undefined {
  let nodes = definition.nodes
  for (const loop of scope) {
    const body = nodes.find((node) => node.id === loop)?.config?.body as { nodes?: DefinitionNode[] } | undefined
    nodes = body?.nodes ?? []
  }
  return nodes.find((node) => node.id === id)
}
