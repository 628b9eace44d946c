/** What components expect of a browser and happy-dom lacks, and a clean page between tests. */
import { cleanup } from '@testing-library/react'
import { afterEach } from 'vitest'

afterEach(() => {
  if (typeof document !== 'undefined') cleanup()
})

if (typeof window !== 'undefined' && !('matchMedia' in window)) {
  Object.assign(window, { matchMedia: (media: string) => Object.assign(new EventTarget(), { matches: false, media }) })
}
