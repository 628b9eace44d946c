/** `config.json` beside the page says where the API is; so one build serves every home. */

export interface RuntimeConfig {
  apiUrl: URL
  /** Whether this is a host that was started to show what it can do. */
  demo: boolean
}

export const DEFAULT_API = 'api'

/** The API's address from the file's content; relative ones are relative to the page. */
export function readConfig(content: unknown, page: string): RuntimeConfig {
  const { apiUrl, demo } = (typeof content === 'object' && content !== null ? content : {}) as { apiUrl?: unknown; demo?: unknown }
  return { apiUrl: new URL(typeof apiUrl === 'string' && apiUrl !== '' ? apiUrl : DEFAULT_API, page), demo: demo === true }
}

/** Never fails: without the file, or with one that is not JSON, the API is `api` beside the page. */
export async function loadConfig(): Promise<RuntimeConfig> {
  const page = new URL('.', document.baseURI).href
  try {
    const response = await fetch(new URL('config.json', page), { cache: 'no-cache', credentials: 'omit' })
    return readConfig(response.ok ? await response.json() : null, page)
  } catch {
    return readConfig(null, page)
  }
}
