/** Something to look at on every page: workflows that succeed, fail, wait and were never published; a trigger of each kind. */

const edge = (from, to, port) => (port ? { from, port, to } : { from, to })

const ORDER = {
  schema: 'millrace/1',
  input_schema: { type: 'object', required: ['order', 'total'], properties: { order: { type: 'string', examples: ['A-1001'] }, total: { type: 'number', examples: [129.9] } } },
  nodes: [
    { id: 'large', type: 'condition', name: 'Large order?', config: { expression: 'input.total > 100' } },
    { id: 'charge', type: 'http.request', name: 'Charge the card', config: { method: 'POST', url: 'https://pay.example/charges', body: { amount: '{{ input.total * 100 }}' } }, retry: { max_attempts: 3, initial_seconds: 1 }, on_error: 'branch' },
    { id: 'small', type: 'transform', name: 'No charge', config: { assign: { charged: 'false' } } },
    { id: 'hold', type: 'transform', name: 'Hold the order', config: { assign: { why: 'nodes.charge.error.message' } } },
    { id: 'pause', type: 'delay', name: 'Cooling-off time', config: { seconds: 1200 } },
    { id: 'receipt', type: 'transform', name: 'Write the receipt', config: { assign: { order: 'input.order', total: 'input.total' } } },
  ],
  edges: [edge('large', 'charge', 'true'), edge('large', 'small', 'false'), edge('charge', 'pause'), edge('charge', 'hold', 'error'), edge('hold', 'pause'), edge('small', 'receipt'), edge('pause', 'receipt')],
}

const ROUTE = {
  schema: 'millrace/1',
  nodes: [
    { id: 'kind', type: 'switch', name: 'By kind', config: { cases: [{ name: 'refund', expression: "input.kind == 'refund'" }, { name: 'order', expression: "input.kind == 'order'" }] } },
    { id: 'refund', type: 'transform', name: 'Book the refund', config: { assign: { amount: '0 - input.amount' } } },
    { id: 'order', type: 'transform', name: 'Book the order', config: { assign: { amount: 'input.amount' } } },
    { id: 'answer', type: 'respond', name: 'Answer', config: { status: 200, body: { ok: true } } },
  ],
  edges: [edge('kind', 'refund', 'refund'), edge('kind', 'order', 'order'), edge('refund', 'answer'), edge('order', 'answer'), edge('kind', 'answer', 'default')],
}

const FAILING = {
  schema: 'millrace/1',
  nodes: [
    { id: 'rate', type: 'transform', name: 'Work out the rate', config: { assign: { rate: 'input.total / input.count' } } },
    { id: 'report', type: 'respond', name: 'Report', config: { body: '{{ nodes.rate.output }}' } },
  ],
  edges: [edge('rate', 'report')],
}

const BROKEN = {
  schema: 'millrace/1',
  nodes: [
    { id: 'call', type: 'http.request', name: 'Call', config: { method: 'POST' } },
    { id: 'odd', type: 'http.reqest', name: 'Odd one' },
    { id: 'decide', type: 'condition', name: 'Decide', config: { expression: 'nodes.cal.output.status == 200' } },
  ],
  edges: [edge('call', 'decide')],
}

const WEATHER = {
  title: 'Current weather',
  description: 'What it is like in a city now',
  icon: 'cloud',
  documentation: 'Asks the weather service. Nothing is kept.',
  config_schema: { type: 'object', required: ['city'], properties: { city: { type: 'string', title: 'City', examples: ['Berlin'] }, units: { type: 'string', title: 'Units', enum: ['metric', 'imperial'], default: 'metric' } } },
  http: { method: 'GET', url: 'https://api.example.com/v1/{city}/now', path: { city: '{{ input.city }}' }, query: { units: '{{ input.units }}' } },
  output: { degrees: '{{ response.body.temp }}' },
}

/** Ids by what they are for. */
export async function seed(api) {
  const mark = Date.now().toString(36)
  const order = await api.workflow(`Orders ${mark}`, ORDER, [
    { type: 'api', config: { path: `orders-${mark}`, methods: ['POST'], dedupe_key: 'string(input.order)' } },
    { type: 'schedule', config: { cron: '0 9 * * MON-FRI', timezone: 'Europe/Berlin', input: { order: 'daily', total: 10 } } },
  ])
  const route = await api.workflow(`Route by kind ${mark}`, ROUTE, [{ type: 'api', config: { path: `route-${mark}` } }])
  const failing = await api.workflow(`Rates ${mark}`, FAILING)
  const broken = await api.workflow(`Half written ${mark}`, BROKEN, [], false)

  const kafka = await api.post('/triggers', { workflow_id: route.id, type: 'kafka', config: { topic: `orders-${mark}`, filter: 'input.amount > 100' } })
  const action = await api.post('/registry/actions', { type: `weather.current_${mark}`, ...WEATHER })

  await api.post('/members', { email: `grace-${mark}@example.com`, role: 'editor' })
  const waiting = await api.run(order.id, { order: 'A-1001', total: 129.9 })
  const small = await api.run(order.id, { order: 'A-1002', total: 20 })
  const routed = []
  for (const kind of ['refund', 'order', 'other', 'order', 'refund']) routed.push(await api.run(route.id, { kind, amount: 40 }))
  const failed = await api.run(failing.id, { total: 10, count: 0 })
  await Promise.all([small, failed, ...routed].map(({ id }) => api.ended(id)))
  await api.until(waiting.id, ({ nodes }) => nodes.some(({ node_id, status }) => node_id === 'pause' && status === 'waiting'))
  const triggers = (await api.get(`/triggers?workflow_id=${order.id}`)).items
  return {
    mark,
    order: order.id,
    route: route.id,
    failing: failing.id,
    broken: broken.id,
    waiting: waiting.id,
    failed: failed.id,
    routed: routed[0].id,
    kafka: kafka.id,
    action: action.type,
    http: triggers.find(({ type }) => type === 'api').id,
    schedule: triggers.find(({ type }) => type === 'schedule').id,
  }
}
