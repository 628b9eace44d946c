/** Reading and changing a place within a JSON value. Nothing is changed in place. */

/** The object without some of its fields. */
export function without<T extends object, Name extends string>(object: T, ...names: Name[]): Omit<T, Name> {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !(names as string[]).includes(name))) as Omit<T, Name>
}

export type Path = readonly (string | number)[]

export function valueAt(value: unknown, path: Path): unknown {
  let here = value
  for (const part of path) {
    if (typeof here !== 'object' || here === null) return undefined
    here = (here as Record<string | number, unknown>)[part]
  }
  return here
}

/** The value with another one at a place; undefined takes out what was there. Objects that are missing on the way are made. */
export function withValueAt(value: unknown, path: Path, next: unknown): unknown {
  const [part, ...rest] = path
  if (part === undefined) return next
  if (Array.isArray(value)) {
    const index = Number(part)
    if (rest.length === 0 && next === undefined) return (value as unknown[]).filter((_, each) => each !== index)
    const copy = [...(value as unknown[])]
    copy[index] = withValueAt(copy[index], rest, next)
    return copy
  }
  const object = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  if (rest.length === 0 && next === undefined) {
    return without(object, String(part))
  }
  return { ...object, [part]: withValueAt(object[part], rest, next) }
}
