/** Web storage that never throws: private windows and strict settings may refuse it, and the app goes on without. */

type Place = 'local' | 'session'

const area = (place: Place): Storage => (place === 'local' ? window.localStorage : window.sessionStorage)

export function readStored(place: Place, name: string): string | null {
  try {
    return area(place).getItem(name)
  } catch {
    return null
  }
}

export function writeStored(place: Place, name: string, value: string | null): void {
  try {
    if (value === null) area(place).removeItem(name)
    else area(place).setItem(name, value)
  } catch {
    // Nothing is kept; the choice holds until the page is closed.
  }
}
