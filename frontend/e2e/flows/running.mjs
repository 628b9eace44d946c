/** Executions as they live, and what starts and guards them. */
import { openPage, settled } from '../lib/browser.mjs'
import { expect, expectEqual } from '../lib/checks.mjs'

const DELAYED = {
  schema: 'millrace/1',
  nodes: [
    { id: 'pause', type: 'delay', name: 'A long pause', config: { seconds: 3600 } },
    { id: 'after', type: 'transform', config: { assign: { done: 'true' } } },
  ],
  edges: [{ from: 'pause', to: 'after' }],
}

export async function running(suite, browser, { url, key, api, ids }) {
  const delayed = await api.workflow(`Delayed ${ids.mark}`, DELAYED)

  await suite.test('a delay is woken before the eyes, without a reload', async () => {
    const { id } = await api.run(delayed.id)
    const { page, close } = await openPage(browser, { url, key, hash: `/executions/${id}` })
    await page.getByTestId('wake-time').first().waitFor()
    expect(/wakes at .*, in (1 h|\d+ min)/.test(await page.getByTestId('wake-time').first().innerText()), 'the wake is said in words')
    await page.getByTestId('run-pause').click()
    await page.getByTestId('wake-now').click()
    await page.locator('[data-testid="execution-status"][data-status="succeeded"]').waitFor()
    expectEqual((await api.ended(id)).status, 'succeeded', 'status')
    await close()
  })

  await suite.test('an execution is cancelled, with a question first', async () => {
    const { id } = await api.run(delayed.id)
    const { page, close } = await openPage(browser, { url, key, hash: `/executions/${id}` })
    await page.getByTestId('cancel').click()
    await page.getByTestId('confirm-yes').click()
    await page.locator('[data-testid="execution-status"][data-status="cancelled"]').waitFor()
    expectEqual((await api.ended(id)).status, 'cancelled', 'status')
    await close()
  })

  await suite.test('filters live in the address, and the list follows what happens', async () => {
    const { page, close } = await openPage(browser, { url, key, hash: '/executions' })
    await page.getByTestId('filter-status').click()
    await page.getByRole('option', { name: 'Waiting' }).click()
    await page.waitForURL('**/#/executions?status=waiting')
    await page.getByTestId(`execution-${ids.waiting}`).waitFor()
    expectEqual(await page.locator('tbody [data-status]:not([data-status="waiting"])').count(), 0, 'others in the list')
    await page.reload()
    await page.getByTestId(`execution-${ids.waiting}`).waitFor()
    const { id } = await api.run(delayed.id)
    await page.getByTestId(`execution-${id}`).waitFor()
    await page.getByTestId('clear-filters').click()
    await page.waitForURL('**/#/executions')
    await api.post(`/executions/${id}/cancel`, {})
    await close()
  })

  await suite.test('an HTTP trigger is made, and its URL starts an execution', async () => {
    const { page, close } = await openPage(browser, { url, key, hash: `/workflows/${ids.route}/triggers` })
    await page.getByTestId('new-trigger').first().click()
    await page.getByTestId('field-path').locator('input').fill('Not A Path')
    await page.getByTestId('save-trigger').click()
    await page.locator('[data-testid="field-path"] input[aria-invalid="true"]').waitFor()
    await page.getByTestId('field-path').locator('input').fill(`made-${ids.mark}`)
    await page.getByTestId('save-trigger').click()
    const shown = await page.getByTestId('trigger-url').innerText()
    expect(shown.endsWith(`/api/trigger/made-${ids.mark}`), `the URL is ${shown}`)
    await page.getByTestId('copy-url').click()
    expectEqual(await page.evaluate(() => navigator.clipboard.readText()), shown, 'the copied URL')
    const answer = await fetch(new URL(`api/trigger/made-${ids.mark}`, url), { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"kind": "order", "amount": 3}' })
    expectEqual(answer.status, 202, 'the call')
    const { execution_id: id } = await answer.json()
    await page.getByTestId(`execution-${id}`).waitFor()
    await close()
  })

  await suite.test('a schedule is made, with its next runs before and after', async () => {
    const { page, close } = await openPage(browser, { url, key, hash: `/workflows/${ids.route}/triggers` })
    await page.getByTestId('new-trigger').first().click()
    await page.getByTestId('trigger-type').getByText('Schedule').click()
    await page.getByTestId('field-cron').locator('input').fill('*/10 * * * *')
    await page.getByTestId('cron-preview').getByText('Every 10 minutes').waitFor()
    await suite.shoot(page, 'dialog-schedule-light')
    await page.getByTestId('save-trigger').click()
    await page.getByTestId('next-runs').getByRole('listitem').first().waitFor()
    expectEqual(await page.getByTestId('next-runs').getByRole('listitem').count(), 10, 'runs ahead')
    const id = /triggers\/(trg_[0-9a-z]+)/.exec(page.url())[1]
    await page.getByTestId('trigger-menu').click()
    await page.getByTestId('delete-trigger').click()
    await page.getByTestId('confirm-yes').click()
    await page.getByRole('heading', { level: 1, name: 'Triggers' }).waitFor()
    expect(await api.get(`/triggers/${id}`).then(() => false, () => true), 'the trigger is gone')
    await close()
  })

  await suite.test('an API key is shown once, works, and is revoked', async () => {
    const { page, close } = await openPage(browser, { url, key, hash: '/api-keys' })
    await page.getByTestId('new-key').first().click()
    await page.getByTestId('key-name').fill(`tests ${ids.mark}`)
    await page.getByTestId('create-key').click()
    const made = (await page.getByTestId('new-key-text').locator('pre').innerText()).trim()
    const status = async () => (await fetch(new URL('api/me', url), { headers: { Authorization: `Bearer ${made}` } })).status
    expectEqual(await status(), 200, 'the new key')
    await page.getByTestId('key-copied').click()
    expect(!(await page.content()).includes(made), 'the key is still on the page')
    await page.getByRole('button', { name: `Revoke tests ${ids.mark}` }).click()
    await page.getByTestId('confirm-yes').click()
    await page.getByText('The key is revoked.').waitFor()
    expectEqual(await status(), 401, 'the revoked key')
    await close()
  })

  await suite.test('the node types are those of the registry', async () => {
    const types = (await api.get('/registry/actions')).items
    const { page, close } = await openPage(browser, { url, key, hash: '/node-types' })
    for (const { type } of types) expect(await page.getByTestId(`type-${type}`).isVisible(), `${type} is listed`)
    await page.getByTestId('type-delay').click()
    await page.getByTestId('type-docs').getByRole('heading', { name: 'Delay' }).waitFor()
    await settled(page)
    await close()
  })
}
