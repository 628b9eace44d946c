/** The filters of the audit log as they stand in the address, named as the API names them. */

export interface AuditSearch {
  actor?: string
  action?: string
  /** The beginning of a path, such as "/workflows/". */
  resource?: string
  from?: string
  to?: string
}

/** Reads a search string; what is not understood is dropped. */
export function readAuditSearch(search: Record<string, unknown>): AuditSearch {
  const text = (name: string): string | undefined => {
    const value = search[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const time = (name: string): string | undefined => {
    const value = text(name)
    return value !== undefined && !Number.isNaN(Date.parse(value)) ? value : undefined
  }
  return { actor: text('actor'), action: text('action'), resource: text('resource'), from: time('from'), to: time('to') }
}
