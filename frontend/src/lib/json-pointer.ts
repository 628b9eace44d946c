/** JSON Pointer (RFC 6901) as text and as parts. */

export const parsePointer = (pointer: string): string[] =>
  pointer === '' ? [] : pointer.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))

export const formatPointer = (parts: readonly (string | number)[]): string =>
  parts.map((part) => '/' + String(part).replaceAll('~', '~0').replaceAll('/', '~1')).join('')
