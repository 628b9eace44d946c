/** With `--demo`: the workers are killed in the middle of an order, and it goes on before the eyes, with one charge. */
import { violations } from '../lib/axe.mjs'
import { openPage } from '../lib/browser.mjs'
import { expect, expectEqual, expectNone } from '../lib/checks.mjs'

export async function plug(suite, browser, { url, key, api }) {
  await suite.test('the plug is pulled, and the order is shipped all the same', async () => {
    const { page, close } = await openPage(browser, { url, key })
    await page.getByTestId('nav-pull-the-plug').click()
    const before = (await (await fetch(new URL('demo/workers', url))).json()).items
    expect(before.length > 0, 'there are workers')
    await page.getByTestId('start-order').click()
    await page.locator('[data-testid="node-check"][data-status="waiting"]').waitFor()
    await page.getByTestId('pull-plug').click()
    await page.getByTestId('happenings').getByText('killed worker-1').waitFor()
    await page.getByTestId('happenings').getByText(/started worker-\d again/).first().waitFor({ timeout: 30_000 })
    await suite.shoot(page, 'plug-pulled-light')
    await page.locator('[data-testid="plug-status"][data-status="succeeded"]').waitFor({ timeout: 90_000 })
    await page.locator('[data-testid="charges"][data-count="1"]').waitFor()
    await suite.shoot(page, 'plug-done-light')
    const after = (await (await fetch(new URL('demo/workers', url))).json()).items
    expect(after.every(({ pid }) => !before.some((old) => old.pid === pid)), 'other processes now')
    const id = /run=(exe_[0-9a-z]+)/.exec(page.url())[1]
    expectEqual((await api.ended(id)).output.shipped, true, 'the output')
    expectNone(await violations(page), 'accessibility')
    await close()
  })

  await suite.test('nobody pulls it without a key', async () => {
    expectEqual((await fetch(new URL('demo/plug', url), { method: 'POST' })).status, 401, 'without a key')
    expectEqual((await fetch(new URL('demo/plug', url), { headers: { Authorization: `Bearer ${key}` } })).status, 403, 'by GET')
  })

  await suite.test('what was sent is listed with its fate, and leads to its execution', async () => {
    const order = { name: 'Ada', email: 'ada@example.org', phone: '+15005550006', lines: [{ price: 12.5, count: 2 }] }
    const answer = await fetch(new URL('api/trigger/order-notice?wait=25', url), { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(order) })
    expectEqual(answer.status, 200, 'the call')
    const { page, close } = await openPage(browser, { url, key, hash: '/messages' })
    await page.locator('tbody tr').nth(1).waitFor()
    await suite.shoot(page, 'messages-sent-light')
    expectNone(await violations(page), 'accessibility')
    await page.getByTestId('filter-channel').click()
    await page.getByRole('option', { name: 'Mail', exact: true }).click()
    await page.waitForURL('**/#/messages?channel=email')
    await page.getByRole('link', { name: /@example\.org/ }).first().click()
    const dialog = page.getByTestId('message-dialog')
    await dialog.getByText('Handed over').waitFor()
    await dialog.getByRole('link').click()
    await page.getByTestId('run-panel').getByTestId('messages').waitFor()
    await close()
  })
}
