/** The REST API as a test's second pair of eyes: what the browser did is checked here, never in the browser alone. */
export function makeApi(url, key) {
  const call = async (method, path, body, headers = {}) => {
    const response = await fetch(new URL(`api${path}`, url), {
      method,
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json', ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 400)}`)
    return text === '' ? null : JSON.parse(text)
  }
  const api = {
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    patch: (path, body, headers) => call('PATCH', path, body, headers),
    delete: (path) => call('DELETE', path),
    /** Changes the draft, whatever it was, and publishes it. */
    async publish(id, definition) {
      const response = await fetch(new URL(`api/workflows/${id}`, url), { headers: { Authorization: `Bearer ${key}` } })
      await call('PATCH', `/workflows/${id}`, { definition }, { 'If-Match': response.headers.get('etag') })
      return call('POST', `/workflows/${id}/publish`, {})
    },
    /** A workflow of this definition, published, with the triggers given. */
    async workflow(name, definition, triggers = [], publish = true) {
      const made = await api.post('/workflows', { name, definition })
      if (publish) await api.post(`/workflows/${made.id}/publish`, {})
      for (const trigger of triggers) await api.post('/triggers', { workflow_id: made.id, ...trigger })
      return made
    },
    run: (id, input = {}, more = {}) => api.post(`/workflows/${id}/executions`, { input, ...more }),
    /** The execution once `wanted` says so of it. */
    async until(id, wanted, seconds = 60) {
      for (let left = seconds * 5; left > 0; left--) {
        const execution = await api.get(`/executions/${id}`)
        if (wanted(execution)) return execution
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
      throw new Error(`execution ${id} did not come so far: ${JSON.stringify(await api.get(`/executions/${id}`)).slice(0, 800)}`)
    },
    ended: (id) => api.until(id, ({ status }) => ['succeeded', 'failed', 'cancelled'].includes(status)),
  }
  return api
}
