/** Ids for new steps: readable in expressions, never taken, never a word that CEL keeps for itself. */

const RESERVED = new Set([
  'as', 'break', 'const', 'continue', 'else', 'false', 'for', 'function', 'if', 'import', 'in', 'let', 'loop', 'namespace', 'null', 'package', 'return',
  'true', 'var', 'void', 'while',
])
const LONGEST = 63

export const ID_PATTERN = /^[a-z][a-z0-9_]{0,62}$/

/** A text as an id would have it. */
export function idFrom(text: string): string {
  const plain = text.normalize('NFKD').replace(/[^\x20-\x7e]/g, '').toLowerCase()
  const words = plain.replace(/[^a-z0-9]+/g, '_').replace(/^[^a-z]+|_+$/g, '')
  return words.slice(0, LONGEST - 6) || 'step'
}

/** `base`, or with the first number that makes it free. */
export function freshId(base: string, taken: ReadonlySet<string>): string {
  const wanted = RESERVED.has(base) ? `${base}_` : base
  if (!taken.has(wanted)) return wanted
  for (let number = 2; ; number++) if (!taken.has(`${wanted}_${number}`)) return `${wanted}_${number}`
}

/** Why an id cannot be, in words; null when it can. */
export function idProblem(id: string, taken: ReadonlySet<string>): string | null {
  if (!ID_PATTERN.test(id)) return 'A small letter first, then small letters, digits and _; 63 characters at most.'
  if (RESERVED.has(id)) return `“${id}” is a word of the expression language; try “${id}_”.`
  return taken.has(id) ? 'Another step has this id.' : null
}
