/**
 * Who is signed in: an API key or a token of the installation's OpenID provider, kept for this tab (sessionStorage) or for this browser (localStorage), as the
 * person chose. Everything else asks only for `bearer()`, so whatever gets a token (a portal that links to `#/sign-in?key=TOKEN`, or one day a page here that
 * goes to the provider itself) ends in `signIn`. A token that has run out is refused like a revoked key, which leads back to the sign-in page.
 */
import { useSyncExternalStore } from 'react'
import { readStored, writeStored } from '@/lib/storage'

const NAME = 'millrace.key'
const WORKSPACE = 'millrace.workspace'

export interface Session {
  key: string | null
  /** The workspace this tab acts in, by id; null: the key's own, or the one a person joined first. */
  workspace: string | null
  /** Why the last session ended, for the sign-in page. */
  ended: 'signed_out' | 'refused' | null
}

let session: Session = { key: readStored('session', NAME) ?? readStored('local', NAME), workspace: readStored('session', WORKSPACE), ended: null }
const listeners = new Set<() => void>()

function set(next: Session): void {
  session = next
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export const bearer = (): string | null => session.key
export const actingIn = (): string | null => session.workspace

/** From now on this tab acts in another workspace; null: back in its own. */
export function actIn(workspace: string | null): void {
  writeStored('session', WORKSPACE, workspace)
  set({ ...session, workspace })
}

export function signIn(key: string, remember: boolean): void {
  writeStored('local', NAME, remember ? key : null)
  writeStored('session', NAME, remember ? null : key)
  writeStored('session', WORKSPACE, null)
  set({ key, workspace: null, ended: null })
}

export function signOut(why: 'signed_out' | 'refused' = 'signed_out'): void {
  writeStored('local', NAME, null)
  writeStored('session', NAME, null)
  writeStored('session', WORKSPACE, null)
  set({ key: null, workspace: null, ended: why })
}

export const useSession = (): Session => useSyncExternalStore(subscribe, () => session)

// Signing out in one tab signs out those that share the key.
if (typeof window !== 'undefined') {
  window.addEventListener('storage', (event) => {
    if (event.key === NAME && event.storageArea === window.localStorage && readStored('session', NAME) === null) set({ key: event.newValue, workspace: session.workspace, ended: null })
  })
}
