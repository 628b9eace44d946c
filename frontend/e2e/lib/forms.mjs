/** Forms drawn from schemas: which control each field is to have, and how a person fills it in. */
import { field, fillCode } from './drawing.mjs'

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
  kafka: 'topic:text group:text start:moment value:select filter:cel batch:object(max_records:number) on_poison:select pause_after:number',
  schedule: 'cron:cron | every_seconds:duration | at:datetime timezone:zone misfire:select overlap:select jitter_seconds:duration dst:object(skipped:select repeated:select) misfire_cap:number start:datetime end:datetime input:any',
  workflow: 'workflow:workflow on:selects filter:cel',
}

/** What is there, and of which kind; null for what only leads to its own fields. */
const CONTROLS = {
  text: 'input:not([role]):not([type="hidden"])',
  longtext: 'textarea',
  number: 'input[inputmode]',
  duration: 'input[inputmode] >> xpath=ancestor::*[@data-kind="duration"] >> input[role="combobox"]',
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
  only: '[data-testid="credential-picker"]',
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

/** The form as it stands in `place`, against its row: complaints, none when all is as it should be. Optional objects are opened, looked at and closed again. */
export async function checkForm(page, row, choices, { modes = true } = {}) {
  const wrong = []
  const look = async (fields, prefix) => {
    const names = fields.map(({ name }) => [...prefix, name].join('.'))
    for (const [index, { name, control, fields: inner, choice }] of fields.entries()) {
      const path = names[index]
      if (choice) await page.getByTestId(`choice-${choices}`).locator('label').nth(fields.filter((each) => each.choice).findIndex((each) => each.name === name)).click()
      const root = field(page, path)
      if (!(await root.first().waitFor({ timeout: 4_000 }).then(() => true, () => false))) {
        wrong.push(`${path} is not there`)
        continue
      }
      const kind = await root.first().getAttribute('data-kind')
      if (kind !== (control === 'only' ? 'object' : control)) wrong.push(`${path} is drawn as ${kind}, not ${control}`)
      if (!(await root.first().locator(CONTROLS[control]).first().waitFor({ timeout: 4_000 }).then(() => true, () => false))) wrong.push(`${path} has no control for ${control}`)
      if (modes) await switchOver(page, root.first(), path, !WITHOUT_MODE.has(control) && !WITHIN.has(name), wrong)
      if (control === 'object') {
        const set = page.getByTestId(`set-${path}`)
        if (await set.isVisible()) {
          await set.click()
          await look(inner, [...prefix, name])
          await root.first().getByRole('button', { name: /^Without / }).last().click()
        } else await look(inner, [...prefix, name])
      } else if (control === 'only') await look(inner, [...prefix, name])
      else if (control === 'list') {
        await page.getByTestId(`add-item-${path}`).click()
        await look(inner, [...prefix, name, '0'])
        await root.first().getByRole('button', { name: /^Remove / }).first().click()
      }
    }
  }
  await look(fieldsOf(row), [])
  return wrong
}

/** Over to Expression and back: the switch is there where it should be, and leaves the field as it was. */
async function switchOver(page, root, path, wanted, wrong) {
  const mode = await root.getAttribute('data-mode')
  if ((mode !== null) !== wanted) wrong.push(`${path} ${wanted ? 'does not switch to Expression' : 'switches to Expression'}`)
  if (mode === null) return
  await root.getByTestId('mode-expression').first().click()
  if (!(await page.getByTestId(`template-${path}`).waitFor({ timeout: 4_000 }).then(() => true, () => false))) wrong.push(`${path} has no expression editor`)
  await root.getByTestId('mode-fixed').first().click()
  if ((await root.getAttribute('data-mode')) !== 'fixed') wrong.push(`${path} does not come back to Fixed`)
}

const isPlain = (value) => typeof value !== 'object' || value === null

/** Fills in what `value` says, as a person would; gives back what should then be in the draft. */
export async function fillForm(page, row, value, prefix = []) {
  const filled = {}
  for (const { name, control, fields } of typeof row === 'string' ? fieldsOf(row) : row) if (value[name] !== undefined) filled[name] = await fillField(page, { name, control, fields }, value[name], prefix)
  return filled
}

async function fillField(page, { name, control, fields }, value, prefix) {
  const path = [...prefix, name].join('.')
  const root = field(page, path).first()
  const choose = async (box, text) => {
    await box.click()
    await page.getByRole('option', { name: text, exact: true }).first().click()
  }
  if (typeof value === 'string' && value.includes('{{') && !['cel', 'code', 'literal', 'entries', 'list'].includes(control)) {
    await root.getByTestId('mode-expression').first().click()
    await fillCode(page, `template-${path}`, value)
    return value
  }
  if (control === 'cel' || control === 'code') await fillCode(page, `${control}-${path}`, value)
  else if (control === 'literal') await fillCode(page, `json-${path}`, JSON.stringify(value))
  else if (control === 'text' || control === 'longtext' || control === 'workflow' || control === 'cron') await root.locator('input:not([type="hidden"]), textarea').first().fill(value)
  else if (control === 'number' || control === 'duration') await root.locator('input').first().fill(String(value))
  else if (control === 'switch') {
    const box = root.getByRole('switch')
    if ((await box.isChecked()) !== value) await root.locator('label').last().click()
  } else if (control === 'select' || control === 'credential') {
    const box = root.getByRole('combobox')
    if (control === 'credential') {
      const name = value.replace(/-(?=[^-]*$)/, ' ') // the slug is made of it
      await box.fill(name)
      await page.getByRole('option').filter({ hasText: name }).first().click()
    } else if ((await box.inputValue()) !== value.replaceAll('_', ' ')) await choose(box, value.replaceAll('_', ' '))
  } else if (control === 'texts') {
    for (const each of [value].flat()) {
      await root.getByRole('combobox').fill(each)
      await page.keyboard.press('Enter')
    }
    return [value].flat()
  } else if (control === 'only') return { [fields[0].name]: await fillField(page, fields[0], value[fields[0].name], [...prefix, name]) }
  else if (control === 'list') {
    const all = []
    for (const [index, each] of value.entries()) {
      await page.getByTestId(`add-item-${path}`).click()
      all.push(await fillForm(page, fields, each, [...prefix, name, String(index)]))
    }
    return all
  } else if (control === 'graph') return fillGraph(page)
  else if (control === 'entries' || (control === 'any' && !isPlain(value) && !Array.isArray(value) && Object.values(value).every(isPlain))) await fillEntries(page, root, path, value)
  else if (control === 'any') {
    const json = root.locator('label').filter({ hasText: /^JSON$/ })
    if (await json.isVisible()) await json.click()
    await fillCode(page, `json-${path}`, JSON.stringify(value))
  } else throw new Error(`nobody knows how to fill in ${path}, ${control}`)
  return value
}

async function fillEntries(page, root, path, value) {
  for (const [index, [name, each]] of Object.entries(value).entries()) {
    await page.getByTestId(`add-entry-${path}`).click()
    await root.getByPlaceholder('name').nth(index).fill(name)
    await fillCode(page, `entry-${path}-${index}`, typeof each === 'string' ? each : JSON.stringify(each))
    if (typeof each !== 'string') await root.getByTestId('take-as').last().click()
  }
}

/** One step within a loop. */
async function fillGraph(page) {
  await page.getByTestId('enter-body').click()
  await page.getByTestId('first-step').click()
  await page.getByTestId('pick-stop').click()
  await page.getByTestId('node-stop').waitFor()
  await page.getByTestId('crumb-top').click()
  return 'drawn'
}
