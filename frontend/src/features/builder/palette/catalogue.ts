/** Step types as people look for them: by kind, and by words. Pure. */
import type { RegistryEntry } from '@/api/types'

const KINDS: [string, string][] = [
  ['trigger', 'Triggers'],
  ['action', 'Actions'],
  ['logic', 'Logic'],
  ['data', 'Data'],
  ['wait', 'Waiting'],
  ['notify', 'Messages'],
  ['sub-workflow', 'Workflows'],
  ['error', 'Ending'],
]

export interface Shelf {
  kind: string
  title: string
  entries: RegistryEntry[]
}

export function shelves(entries: readonly RegistryEntry[]): Shelf[] {
  const known = new Set(KINDS.map(([kind]) => kind))
  const common = entries.filter(({ custom }) => !custom)
  const others = [...new Set(common.map(({ kind }) => kind))].filter((kind) => !known.has(kind)).map((kind): [string, string] => [kind, kind])
  const shelf = (kind: string, title: string, own: RegistryEntry[]): Shelf[] => (own.length > 0 ? [{ kind, title, entries: own }] : [])
  return [...[...KINDS, ...others].flatMap(([kind, title]) => shelf(kind, title, common.filter((entry) => entry.kind === kind))), ...shelf('custom', 'Your own', entries.filter(({ custom }) => custom))]
}

/** Entries that have every word, those whose title begins with them first. */
export function found(entries: readonly RegistryEntry[], query: string): RegistryEntry[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  const rank = ({ title, type }: RegistryEntry) => (title.toLowerCase().startsWith(words[0] ?? '') ? 0 : type.includes(words[0] ?? '') ? 1 : 2)
  return entries
    .filter(({ title, type, description, kind }) => words.every((word) => `${title} ${type} ${description} ${kind}`.toLowerCase().includes(word)))
    .sort((one, other) => rank(one) - rank(other))
}
