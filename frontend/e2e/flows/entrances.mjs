/** Entrances and node types of one's own: custom actions, OpenAPI documents, presets, the log of calls, test URLs. */
import { readFile } from 'node:fs/promises'
import { openPage } from '../lib/browser.mjs'
import { expect, expectEqual } from '../lib/checks.mjs'
import { emptyCanvas, field, fillCode, SAVED } from '../lib/drawing.mjs'

const ECHO = { schema: 'millrace/1', nodes: [{ id: 'answer', type: 'respond', config: { body: '{{ input }}' } }], edges: [] }
const API = (server) => `openapi: 3.0.3
info: {title: Shop, version: "1"}
servers: [{url: "${server}"}]
paths:
  /orders:
    get: {operationId: listOrders, summary: List orders, responses: {"200": {description: ok}}}
    post: {operationId: addOrder, summary: Add an order, responses: {"200": {description: ok}}}
  /orders/{id}:
    get:
      operationId: getOrder
      summary: Get an order
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses: {"200": {description: ok}}
`

export async function entrances(suite, browser, { url, key, api, ids, target, topic }) {
  const call = (path, body) => fetch(new URL(`api/trigger/${path}`, url), { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
  const runs = async (id) => (await api.get(`/executions?workflow_id=${id}`)).items

  await suite.test('an action of one’s own is written, tried, changed and found in the palette', async () => {
    const type = `shop.notify_${ids.mark}`
    const { page, go, close } = await openPage(browser, { url, key, hash: '/custom-actions' })
    await page.getByTestId('new-action').click()
    await page.getByTestId('action-title').fill(`Notify ${ids.mark}`)
    await page.getByTestId('action-type').fill('Not a type')
    await field(page, 'url').locator('input').fill(`${target}/notify`)
    await page.getByTestId('save-action').click()
    await page.locator('[data-testid="action-type"][aria-invalid="true"]').waitFor()
    await page.getByTestId('action-type').fill(type)
    await page.getByTestId('save-action').click()
    await page.waitForURL(`**/#/custom-actions/${type}`)
    expectEqual((await api.get(`/registry/actions/${type}`)).version, 1, 'version')
    await page.getByTestId('action-preview').getByTestId('field-name').locator('input').fill('Ada')
    await page.getByTestId('try-action').click()
    await page.locator('[data-testid="try-result"][data-status="succeeded"]').waitFor()
    await suite.shoot(page, 'custom-action-tried-light')
    await page.getByTestId('action-documentation').fill('Tells the shop.')
    await page.getByTestId('save-action').click()
    await page.getByTestId('action-version-2').waitFor()
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('action-menu').click().then(() => page.getByTestId('export-action').click())])
    const exported = JSON.parse(await readFile(await download.path(), 'utf8'))
    expectEqual([exported.type, exported.documentation], [type, 'Tells the shop.'], 'the exported document')
    const { id } = await api.post('/workflows', { name: `Uses ${type}`, definition: { schema: 'millrace/1', nodes: [], edges: [] } })
    await go(`/workflows/${id}`)
    await page.getByTestId(`pal-${type}`).waitFor()
    await go(`/custom-actions/${type}`)
    await page.getByTestId('action-menu').click()
    await page.getByTestId('delete-action').click()
    await page.getByTestId('confirm-yes').click()
    await page.getByRole('heading', { level: 1, name: 'Custom actions' }).waitFor()
    expect(await api.get(`/registry/actions/${type}`).then(() => false, () => true), 'it is gone')
    await close()
  })

  await suite.test('a function becomes a node type, which a drawn workflow runs', async () => {
    const type = `shop.total_${ids.mark}`
    const opened = await openPage(browser, { url, key, hash: '/custom-actions/new' })
    const { page, close } = opened
    await page.getByTestId('action-title').fill(`Total ${ids.mark}`)
    await page.getByTestId('action-type').fill(type)
    await page.getByTestId('action-way').getByText('Runs a function').click()
    await fillCode(page, 'action-config_schema', JSON.stringify({ type: 'object', required: ['prices'], properties: { prices: { type: 'array', items: { type: 'number' }, title: 'Prices' } } }))
    await fillCode(page, 'action-source', 'def main(input):\n    return {"total": sum(input["prices"])}\n')
    await page.getByTestId('save-action').click()
    await page.waitForURL(`**/#/custom-actions/${type}`)
    await suite.shoot(page, 'custom-action-function-light')
    const id = await emptyCanvas(api, opened, `Totals ${ids.mark}`)
    await page.getByTestId('palette-search').fill(`total ${ids.mark}`)
    await page.getByTestId(`pal-${type}`).click()
    await field(page, 'prices').getByTestId('mode-expression').click()
    await fillCode(page, 'template-prices', '{{ input.prices }}')
    await SAVED(page)
    await page.getByTestId('publish').click()
    await page.getByText('Version 1 is live.').waitFor()
    await page.getByTestId('run').click()
    await page.getByTestId('run-input').locator('.cm-content').click()
    await page.keyboard.press('Control+A')
    await page.keyboard.insertText('{"prices": [12, 30]}')
    await page.getByTestId('run-start').click()
    await page.locator('[data-testid="run-status"][data-status="succeeded"]').waitFor()
    expectEqual((await api.ended((await runs(id))[0].id)).nodes[0].output, { total: 42 }, 'what the function gave')
    await close()
  })

  await suite.test('a workflow goes out as a file, and comes in again with its triggers disabled', async () => {
    const name = `Travels ${ids.mark}`
    const { id } = await api.workflow(name, ECHO, [{ type: 'api', config: { path: `travels-${ids.mark}` } }])
    const { page, go, close } = await openPage(browser, { url, key, hash: `/workflows/${id}` })
    await page.getByTestId('workflow-menu').click()
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: 'Export as JSON' }).click()])
    const file = await readFile(await download.path())
    await api.delete(`/workflows/${id}`)
    await go('/workflows')
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.getByRole('button', { name: 'Import' }).click()])
    await chooser.setFiles({ name: 'travels.json', mimeType: 'application/json', buffer: file })
    await page.getByTestId('node-answer').waitFor()
    const come = /workflows\/(wf_[0-9a-z]+)/.exec(page.url())[1]
    expect(come !== id, 'it is a new one')
    const made = await api.get(`/workflows/${come}`)
    expectEqual([made.name, made.definition.nodes, made.live_version], [name, ECHO.nodes, null], 'what came in')
    expectEqual((await api.get(`/triggers?workflow_id=${come}`)).items.map(({ enabled, config }) => [enabled, config.path]), [[false, `travels-${ids.mark}`]], 'its trigger')
    await close()
  })

  if (topic) {
    await suite.test('a dead letter is read, and replayed once the workflow takes it', async () => {
      const numbers = (type) => ({ ...ECHO, input_schema: { type: 'object', properties: { n: { type } } } })
      const { id } = await api.workflow(`Letters ${ids.mark}`, numbers('number'), [{ type: 'kafka', config: { topic, start: 'earliest', value: 'json' } }])
      await api.post('/registry/actions/kafka.publish/test', { config: { topic, value: { n: 'seven' } }, context: {} })
      const letters = async () => (await api.get('/dead-letters')).items.filter((each) => each.workflow_id === id)
      for (let left = 150; left > 0 && (await letters()).length === 0; left--) await new Promise((resolve) => setTimeout(resolve, 200))
      const [letter] = await letters()
      const { page, close } = await openPage(browser, { url, key, hash: '/dead-letters' })
      const row = page.getByTestId(`dead-letter-${letter.id}`)
      await row.getByRole('button', { name: 'Look' }).click()
      await page.getByRole('dialog').getByText('seven').first().waitFor()
      await suite.shoot(page, 'dialog-dead-letter-light')
      await page.keyboard.press('Escape')
      await row.getByTestId('replay').click()
      await page.getByText('Not replayed').waitFor()
      await api.publish(id, numbers('string'))
      await row.getByTestId('replay').click()
      await row.locator('[data-status="replayed"]').waitFor()
      expectEqual((await api.ended((await runs(id))[0].id)).input, { n: 'seven' }, 'the input of the execution')
      for (const trigger of (await api.get(`/triggers?workflow_id=${id}`)).items) await api.delete(`/triggers/${trigger.id}`)
      await close()
    })
  }

  await suite.test('an OpenAPI document is looked at before it becomes actions', async () => {
    const { page, close } = await openPage(browser, { url, key, hash: '/custom-actions' })
    await page.getByTestId('import-openapi').click()
    await page.getByTestId('openapi-text').locator('.cm-content').click()
    await page.keyboard.press('Control+A')
    await page.keyboard.insertText('paths: [')
    await page.getByTestId('openapi-preview').click()
    await page.getByTestId('openapi-dialog').getByRole('alert').waitFor()
    await page.getByTestId('openapi-text').locator('.cm-content').click()
    await page.keyboard.press('Control+A')
    await page.keyboard.insertText(API(target))
    await page.getByTestId('openapi-prefix').fill(`shop${ids.mark}`)
    await page.getByTestId('openapi-preview').click()
    await page.getByTestId('operation-GET /orders/{id}').getByText('New').waitFor()
    await suite.shoot(page, 'dialog-openapi-light')
    const own = async () => (await api.get('/registry/actions')).items.filter(({ type }) => type.startsWith(`shop${ids.mark}.`))
    expectEqual(await own(), [], 'nothing is made by looking')
    await page.getByRole('checkbox', { name: 'Import POST /orders' }).uncheck()
    await page.getByTestId('openapi-import').click()
    await page.getByText('2 new, 0 brought up to date').waitFor()
    const made = await own()
    expectEqual(made.map(({ title }) => title).sort(), ['Get an order', 'List orders'], 'the actions')
    await page.getByTestId(`action-${made[0].type}`).waitFor()
    await close()
  })

  await suite.test('a call stands in the log, and is sent again', async () => {
    const { id } = await api.workflow(`Calls ${ids.mark}`, { ...ECHO, input_schema: { type: 'object', required: ['n'] } })
    const trigger = await api.post('/triggers', { workflow_id: id, type: 'api', config: { path: `calls-${ids.mark}` } })
    expectEqual([(await call(`calls-${ids.mark}`, { n: 1 })).status, (await call(`calls-${ids.mark}`, {})).status], [202, 422], 'answers')
    const { page, close } = await openPage(browser, { url, key, hash: `/triggers/${trigger.id}` })
    const log = page.getByTestId('deliveries')
    await log.locator('tbody tr').nth(1).waitFor()
    await page.getByTestId('delivery-outcome').click()
    await page.getByRole('option', { name: 'Refused' }).click()
    await log.getByText('validation_failed').waitFor()
    expectEqual(await log.locator('tbody tr').count(), 1, 'refused calls')
    await page.getByTestId('delivery-outcome').click()
    await page.getByRole('option', { name: 'Started' }).click()
    await log.locator('tbody [data-status="started"]').waitFor()
    await log.getByTestId('read-delivery').first().click()
    await page.getByTestId('delivery-body').getByText('1', { exact: true }).waitFor()
    await suite.shoot(page, 'dialog-delivery-light')
    await page.getByRole('dialog').getByTestId('replay-delivery').click()
    await page.getByText('Sent again').first().waitFor()
    const started = await runs(id)
    expectEqual(started.length, 2, 'executions')
    expectEqual((await api.ended(started[0].id)).input, { n: 1 }, 'the input that came again')
    await close()
  })

  await suite.test('a test URL catches one request, and runs the draft with it', async () => {
    const { page, close } = await openPage(browser, { url, key, hash: `/triggers/${ids.http}` })
    await page.getByTestId('open-test').click()
    const address = await page.getByTestId('test-url').innerText()
    const answer = await fetch(address, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"order": "T-1", "total": 1}' })
    expect(answer.ok, `the test URL answers ${answer.status}`)
    await page.locator('[data-testid="test-state"][data-state="captured"]').waitFor()
    await page.getByTestId('test-captured').getByText('"T-1"').first().waitFor()
    await close()
  })

  await suite.test('a trigger begins with a preset, and every option of its type has a field', async () => {
    const { page, close } = await openPage(browser, { url, key, hash: `/workflows/${ids.route}/triggers` })
    await page.getByTestId('new-trigger').first().click()
    await page.getByTestId('preset-github').click()
    await page.getByTestId('preset-steps').getByText('Webhooks').first().waitFor()
    await field(page, 'path').locator('input').fill(`github-${ids.mark}`)
    await page.getByTestId('field-auth.secret').locator('input').fill('a secret of the tests')
    await page.getByTestId('more-options').click()
    await page.getByTestId('set-debounce').click()
    await page.getByTestId('field-debounce.seconds').locator('input').first().fill('2')
    await suite.shoot(page, 'dialog-trigger-github-light')
    await page.getByTestId('save-trigger').click()
    await page.getByTestId('trigger-url').waitFor()
    const id = /triggers\/(trg_[0-9a-z]+)/.exec(page.url())[1]
    const made = await api.get(`/triggers/${id}`)
    expectEqual([made.config.auth, made.config.debounce.seconds], [{ type: 'github', has_secret: true }, 2], 'the config')
    await page.getByRole('button', { name: 'Edit' }).click()
    await page.getByTestId('save-trigger').click()
    await page.getByText('The trigger is changed.').waitFor()
    expectEqual((await api.get(`/triggers/${id}`)).config, made.config, 'the config after a save of the same')
    await close()
  })
}
