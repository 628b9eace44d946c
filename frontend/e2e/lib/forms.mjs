/** Forms drawn from schemas: which control each field is to have. */
import { field } from './drawing.mjs'

/** Each type's fields in words of `CONTROLS`; fields of an object or of a list's items in brackets. Written down by hand: what the app works out must agree. */
const QUIET = 'quiet_hours:object(start:text end:text timezone:zone weekends:switch)'
const MESSAGE = `${QUIET} credential:credential fallback:credentials`
export const FORMS = {
  approval: 'approvers:texts message:longtext timeout_seconds:duration',
  condition: 'expression:cel',
  delay: 'seconds:duration | until:datetime',
  digest: 'key:text item:any window_seconds:duration max_items:number',
  'discord.send': `${MESSAGE} channel:texts text:longtext embeds:any mentions:texts thread_id:text username:text avatar_url:text`,
  'email.send': `${MESSAGE} from:text to:texts cc:texts bcc:texts reply_to:texts subject:text text:longtext html:longtext template:object(brand:text logo_url:text colour:text heading:text lines:texts facts:entries items:list(title:text text:longtext url:text) button_label:text button_url:text footer:text) attachments:list(filename:text content:longtext encoding:text content_type:text inline_id:text) headers:entries`,
  'events.put': 'credential:credential bus:text source:text detail_type:text detail:entries resources:texts time:text',
  fail: 'message:longtext',
  function: 'language:select source:code input:any',
  'http.request':
    'method:select url:text headers:entries query:entries body:any body_type:select auth:only(credential:credential) fail_on_status:switch response:select pagination:object(type:select next:text parameter:text start:number size:number items:text max_pages:number max_items:number) follow_redirects:switch max_bytes:number tls:object(verify:switch ca:longtext client:only(credential:credential)) proxy:object(url:text auth:only(credential:credential))',
  'kafka.publish': 'topic:text key:any value:any headers:entries value_format:select key_format:select',
  'lambda.invoke': 'credential:credential function:text payload:any qualifier:text mode:select',
  'llm.prompt':
    'api:select base_url:text credential:credential model:text system:longtext prompt:longtext messages:list(role:select content:longtext) output_schema:literal repairs:number max_tokens:number temperature:number stream:switch options:entries',
  map: 'items:any body:graph max_parallel:number on_item_error:select',
  'postgres.query': 'credential:credential query:code params:any read_only:switch max_rows:number',
  'push.send': `${MESSAGE} to:any title:text body:longtext url:text image:text data:entries badge:number sound:text priority:select ttl_seconds:duration collapse_key:text`,
  respond: 'status:number headers:entries body:any',
  's3.get': 'credential:credential bucket:text key:text version_id:text read_as:select',
  's3.put': 'credential:credential bucket:text key:text body:any encoding:select content_type:text metadata:entries if_absent:switch',
  'slack.send': `${MESSAGE} channel:texts text:longtext blocks:any mentions:texts thread_ts:text reply_broadcast:switch unfurl:switch`,
  'sms.send': `${MESSAGE} to:texts from:text text:longtext http:object(url:text format:select to_field:text text_field:text from_field:text fields:entries id_pointer:text)`,
  'sns.publish': 'credential:credential topic_arn:text message:any subject:text attributes:entries group_id:text',
  'sqs.send': 'credential:credential queue_url:text body:any attributes:entries delay_seconds:duration group_id:text',
  'stepfunctions.start': 'credential:credential state_machine_arn:text input:any name:text',
  stop: 'output:any',
  switch: 'cases:list(name:text expression:cel)',
  'teams.send': `${MESSAGE} title:text text:longtext facts:entries links:list(label:text url:text) card:entries`,
  transform: 'assign:entries | value:literal',
  'wait.callback': 'timeout_seconds:duration form:literal',
  'wait.event': 'name:text key:text match:cel timeout_seconds:duration look_back_seconds:duration',
  'webhook.send': 'url:text payload:any secret:only(credential:credential) headers:entries',
  'workflow.run': 'workflow:workflow input:any wait:switch',
}

export const TRIGGER_FORMS = {
  api: 'path:text methods:selects auth:variants dedupe_key:cel wait_seconds:duration rate_limit:object(limit:number per_seconds:duration) debounce:object(seconds:duration max_seconds:duration key:cel) cors:object(origins:texts headers:texts max_age_seconds:duration)',
  kafka: 'topic:text group:text start:moment value:select filter:cel batch:only(max_records:number) on_poison:select pause_after:number',
  schedule: 'cron:cron | every_seconds:duration | at:datetime timezone:zone misfire:select overlap:select jitter_seconds:duration dst:object(skipped:select repeated:select) misfire_cap:number start:datetime end:datetime input:any',
  workflow: 'workflow:workflow on:selects filter:cel',
}

/** What is there, and of which kind; null for what only leads to its own fields. */
const CONTROLS = {
  text: 'input:not([role]):not([type="hidden"])',
  longtext: 'textarea',
  number: 'input[inputmode]',
  duration: 'div:has(input[inputmode]) ~ div input[role="combobox"], div:has(input[inputmode]):has(input[role="combobox"])',
  switch: 'input[role="switch"]',
  select: 'input[role="combobox"]',
  selects: 'input[role="combobox"]',
  texts: 'input[role="combobox"]',
  moment: 'input[role="combobox"]',
  zone: 'input[role="combobox"]',
  variants: 'input[role="combobox"]',
  workflow: 'input[role="combobox"]',
  credential: '[data-testid="credential-picker"]',
  credentials: '[data-testid="credentials-picker"]',
  datetime: 'input[type="datetime-local"]',
  cron: '[aria-label="Common schedules"]',
  cel: '[data-language="cel"] .cm-content',
  code: '[data-language="python"] .cm-content, [data-language="text"] .cm-content',
  literal: '[data-language="json"] .cm-content',
  any: '[data-testid^="add-entry-"], [data-language="json"] .cm-content',
  entries: '[data-testid^="add-entry-"]',
  list: '[data-testid^="add-item-"]',
  object: '[data-testid^="set-"], [role="group"]',
  only: 'input',
  graph: '[data-testid="enter-body"]',
}
/** Kinds whose fields are either Fixed or an Expression as a whole; the others hold expressions within, or must stand in the draft. */
const WITHOUT_MODE = new Set(['cel', 'graph', 'literal', 'code', 'object', 'only', 'variants', 'credential', 'credentials'])
const WITHIN = new Set(['assign', 'cases']) // bare expressions

/** A row of the tables, read: `[{ name, control, fields, choice }]`; a bar stands between fields of which one is given. */
export function fieldsOf(row) {
  const fields = []
  let at = 0
  const read = (into) => {
    let choice = false
    while (at < row.length && row[at] !== ')') {
      if (row[at] === ' ') at++
      else if (row[at] === '|') {
        choice = true
        into[into.length - 1].choice = true
        at++
      } else {
        const [all, name, control] = /^(\w+):(\w+)/.exec(row.slice(at))
        at += all.length
        const one = { name, control, fields: [], choice }
        choice = false
        into.push(one)
        if (row[at] === '(') {
          at++
          read(one.fields)
          at++
        }
      }
    }
  }
  read(fields)
  return fields
}

/**
 * The form as it stands, against its row: complaints, none when all is as it should be. Optional objects are opened, looked at and closed again; `choices` are the
 * names of fields of which one is given, joined as in the id of their switch.
 */
export async function checkForm(page, row, choices, { modes = true } = {}) {
  const wrong = []
  const look = async (fields, prefix) => {
    const chosen = fields.filter((each) => each.choice)
    const at = fields.filter((each) => !each.choice)
    for (const [index, one] of [...chosen.entries()].reverse()) { // the first one last: others may go with it only
      await page.getByTestId(`choice-${choices}`).locator('label').nth(index).click()
      await lookAt([one], prefix)
    }
    await lookAt(at, prefix)
  }
  const lookAt = async (fields, prefix) => {
    const asked = fields.map(({ name, control }) => ({ path: [...prefix, name].join('.'), kind: control === 'only' ? 'object' : control, css: CONTROLS[control], switches: !WITHOUT_MODE.has(control) && !WITHIN.has(name) }))
    wrong.push(...(await page.evaluate(complaintsOf, { asked, modes })))
    for (const { name, control, fields: inner } of fields) {
      const path = [...prefix, name].join('.')
      const root = field(page, path).first()
      const set = page.getByTestId(`set-${path}`)
      if (control === 'object' && (await set.isVisible())) {
        await set.click()
        await look(inner, [...prefix, name])
        await root.getByRole('button', { name: /^Without / }).last().click()
      } else if (control === 'object' || control === 'only') await look(inner, [...prefix, name])
      else if (control === 'list') {
        await page.getByTestId(`add-item-${path}`).click()
        await look(inner, [...prefix, name, '0'])
        await root.getByRole('button', { name: /^Remove / }).first().click()
      }
    }
  }
  await look(fieldsOf(row), [])
  return wrong
}

/** In the page, all fields of one level: whether each is there, drawn as asked, and goes over to Expression and back. */
async function complaintsOf({ asked, modes }) {
  const until = async (found) => {
    for (let left = 100; left > 0; left--) {
      if (found()) return true
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    return false
  }
  const wrong = []
  for (const { path, kind, css, switches } of asked) {
    const find = () => document.querySelector(`[data-testid="field-${path}"]`)
    if (!(await until(find))) {
      wrong.push(`${path} is not there`)
      continue
    }
    if (find().dataset.kind !== kind) wrong.push(`${path} is drawn as ${find().dataset.kind}, not ${kind}`)
    if (!(await until(() => find().querySelector(css)))) wrong.push(`${path} has no control for ${kind}`)
    if (!modes) continue
    if ((find().dataset.mode !== undefined) !== switches) wrong.push(`${path} ${switches ? 'does not switch to Expression' : 'switches to Expression'}`)
    if (find().dataset.mode === undefined) continue
    find().querySelector('[data-testid="mode-expression"]').click()
    if (!(await until(() => find().querySelector(`[data-testid="template-${path}"] .cm-content`)))) wrong.push(`${path} has no expression editor`)
    find().querySelector('[data-testid="mode-fixed"]').click()
    if (!(await until(() => find().querySelector(css)))) wrong.push(`${path} does not come back to Fixed`)
  }
  return wrong
}
