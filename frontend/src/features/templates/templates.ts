import type { Definition, DefinitionEdge, DefinitionNode } from '@/lib/definition'

export interface Template {
  id: string
  name: string
  description: string
  icon: string
  kind: string
  /** What is seen after "Create and run". */
  shows: string
  definition: Definition
  input: unknown
  triggers: { type: string; config: Record<string, unknown> }[]
}

const COLUMN = 320

/** Places nodes by column and row of the drawing. */
const at = (column: number, row: number, node: DefinitionNode): DefinitionNode => ({ ...node, ui: { x: column * COLUMN, y: row * 110 } })

const edge = (from: string, to: string, port?: string): DefinitionEdge => (port ? { from, port, to } : { from, to })

const hello: Template = {
  id: 'hello',
  name: 'Hello',
  description: 'An HTTP endpoint that answers its caller. Two steps, no outside help.',
  icon: 'message-reply',
  kind: 'action',
  shows: 'a finished execution with its answer, and a URL to call yourself',
  definition: {
    schema: 'millrace/1',
    input_schema: { type: 'object', properties: { name: { type: 'string', examples: ['Ada'] } } },
    nodes: [
      at(0, 0, { id: 'greeting', type: 'transform', name: 'Make the greeting', config: { assign: { text: "'Hello, ' + (has(input.name) ? input.name : 'world') + '!'" } } }),
      at(1, 0, { id: 'answer', type: 'respond', name: 'Answer the caller', config: { status: 200, body: { greeting: '{{ nodes.greeting.output.text }}' } } }),
    ],
    edges: [edge('greeting', 'answer')],
  },
  input: { name: 'Ada' },
  triggers: [{ type: 'api', config: { methods: ['GET', 'POST'] } }],
}

const order: Template = {
  id: 'order',
  name: 'Order flow',
  description: 'Check the total, charge over HTTP with retries, wait out the cooling-off time, confirm. What fails goes its own way.',
  icon: 'arrows-split-2',
  kind: 'logic',
  shows: 'a call that is tried again, an error branch and a durable delay',
  definition: {
    schema: 'millrace/1',
    input_schema: {
      type: 'object',
      required: ['order', 'total'],
      properties: { order: { type: 'string', examples: ['A-1001'] }, total: { type: 'number', examples: [129.9] } },
    },
    nodes: [
      at(0, 0, { id: 'worth_charging', type: 'condition', name: 'Anything to pay?', config: { expression: 'input.total > 0' } }),
      at(1, 0, {
        id: 'charge',
        type: 'http.request',
        name: 'Charge the card',
        // Put your provider's address here; `.example` names never exist, so as it stands the error branch is taken.
        config: { method: 'POST', url: 'https://pay.example/charges', body: { order: '{{ input.order }}', amount: '{{ input.total * 100 }}' } },
        retry: { max_attempts: 3, initial_seconds: 1, backoff: 2 },
        timeout_seconds: 10,
        on_error: 'branch',
      }),
      at(2, 1, { id: 'hold', type: 'transform', name: 'Hold the order', config: { assign: { state: "'held'", reason: 'nodes.charge.error.message' } } }),
      at(3, 0, { id: 'cooling_off', type: 'delay', name: 'Cooling-off time', config: { seconds: 20 } }),
      at(4, 0, {
        id: 'receipt',
        type: 'transform',
        name: 'Write the receipt',
        config: { assign: { order: 'input.order', total: 'input.total', state: "has(nodes.hold.output) ? 'held' : 'confirmed'" } },
      }),
    ],
    edges: [
      edge('worth_charging', 'charge', 'true'),
      edge('worth_charging', 'cooling_off', 'false'),
      edge('charge', 'cooling_off'),
      edge('charge', 'hold', 'error'),
      edge('hold', 'cooling_off'),
      edge('cooling_off', 'receipt'),
    ],
    output: '{{ nodes.receipt.output }}',
  },
  input: { order: 'A-1001', total: 129.9 },
  triggers: [{ type: 'api', config: { methods: ['POST'], dedupe_key: 'string(input.order)' } }],
}

const check: Template = {
  id: 'scheduled-check',
  name: 'Scheduled check',
  description: 'Every quarter of an hour, look whether a site answers, and take note of it either way.',
  icon: 'clock',
  kind: 'trigger',
  shows: 'a schedule with its next runs, and a check that reports what it found',
  definition: {
    schema: 'millrace/1',
    nodes: [
      at(0, 0, {
        id: 'look',
        type: 'http.request',
        name: 'Look at the site',
        config: { url: 'https://status.example/health', fail_on_status: false },
        retry: { max_attempts: 2, initial_seconds: 1 },
        timeout_seconds: 10,
        on_error: 'branch',
      }),
      at(1, 0, { id: 'healthy', type: 'condition', name: 'Does it answer well?', config: { expression: 'nodes.look.output.status < 400' } }),
      at(2, 0, { id: 'up', type: 'transform', name: 'It is up', config: { assign: { up: 'true', status: 'nodes.look.output.status' } } }),
      at(2, 1, {
        id: 'down',
        type: 'transform',
        name: 'It is down',
        config: { assign: { up: 'false', why: "has(nodes.look.error.message) ? nodes.look.error.message : 'status ' + string(nodes.look.output.status)" } },
        join: 'any',
      }),
    ],
    edges: [edge('look', 'healthy'), edge('look', 'down', 'error'), edge('healthy', 'up', 'true'), edge('healthy', 'down', 'false')],
  },
  input: {},
  triggers: [{ type: 'schedule', config: { cron: '*/15 * * * *', timezone: 'UTC' } }],
}

const route: Template = {
  id: 'route',
  name: 'Route by kind',
  description: 'One entrance, several ways: a switch sends each message where it belongs.',
  icon: 'route-2',
  kind: 'logic',
  shows: 'a switch with named cases, and which one was taken',
  definition: {
    schema: 'millrace/1',
    input_schema: { type: 'object', properties: { kind: { type: 'string', examples: ['refund'] }, amount: { type: 'number', examples: [40] } } },
    nodes: [
      at(0, 0.5, {
        id: 'kind',
        type: 'switch',
        name: 'What is it?',
        config: {
          cases: [
            { name: 'refund', expression: "has(input.kind) && input.kind == 'refund'" },
            { name: 'order', expression: "has(input.kind) && input.kind == 'order'" },
          ],
        },
      }),
      at(1, 0, { id: 'refund', type: 'transform', name: 'Book the refund', config: { assign: { booked: '0 - input.amount' } } }),
      at(1, 1, { id: 'order', type: 'transform', name: 'Book the order', config: { assign: { booked: 'input.amount' } } }),
      at(1, 2, { id: 'unknown', type: 'stop', name: 'Nothing to do', config: { output: { ignored: true } } }),
      at(2, 0, { id: 'answer', type: 'respond', name: 'Answer', config: { status: 200, body: { route: '{{ nodes.kind.output.case }}' } } }),
    ],
    edges: [
      edge('kind', 'refund', 'refund'),
      edge('kind', 'order', 'order'),
      edge('kind', 'unknown', 'default'),
      edge('refund', 'answer'),
      edge('order', 'answer'),
    ],
  },
  input: { kind: 'refund', amount: 40 },
  triggers: [{ type: 'api', config: { methods: ['POST'] } }],
}

export const TEMPLATES: readonly Template[] = [hello, order, check, route]
