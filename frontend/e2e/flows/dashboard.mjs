/** What the pages do, by clicks: many executions at once, labels, deletions, and what leads from one execution to another. */
import { openPage } from '../lib/browser.mjs'
import { expect, expectEqual } from '../lib/checks.mjs'

const single = (node) => ({ schema: 'millrace/1', nodes: [node], edges: [] })
const FAILS = single({ id: 'rate', type: 'transform', config: { assign: { rate: '1 / input.count' } } })
const WAITS = single({ id: 'pause', type: 'delay', config: { seconds: 3600 } })
const ECHO = single({ id: 'answer', type: 'respond', config: { body: '{{ input }}' } })
const UNDOES = {
  schema: 'millrace/1',
  nodes: [
    { id: 'reserve', type: 'transform', name: 'Reserve the goods', config: { assign: { held: 'true' } }, undo: 'release' },
    { id: 'charge', type: 'fail', name: 'Charge', config: { message: 'the card is refused' } },
    { id: 'release', type: 'transform', name: 'Release the goods', config: { assign: { held: 'false' } } },
  ],
  edges: [{ from: 'reserve', to: 'charge' }],
}
export async function dashboard(suite, browser, { url, key, api, ids, target }) {
  const runs = async (id, filter = '') => (await api.get(`/executions?workflow_id=${id}${filter}`)).items

  await suite.test('many executions are cancelled at once, after a count', async () => {
    const { id } = await api.workflow(`Bulk waits ${ids.mark}`, WAITS)
    for (let each = 0; each < 3; each++) await api.run(id)
    const { page, close } = await openPage(browser, { url, key, hash: `/executions?workflow_id=${id}` })
    await page.locator('tbody tr').nth(2).waitFor()
    await page.getByTestId('bulk').click()
    await page.getByTestId('bulk-cancel').click()
    const dialog = page.getByRole('dialog', { name: 'Cancel 3 executions?' })
    await dialog.waitFor()
    await suite.shoot(page, 'dialog-bulk-light')
    await dialog.getByRole('button', { name: 'Back' }).click()
    expect((await runs(id)).every(({ finished_at }) => finished_at === null), 'nothing was cancelled without a yes')
    await page.getByTestId('bulk').click()
    await page.getByTestId('bulk-cancel').click()
    await page.getByTestId('confirm-yes').click()
    await page.getByText('3 executions told to stop.').waitFor()
    for (const each of await runs(id)) expectEqual((await api.ended(each.id)).status, 'cancelled', 'status')
    await page.locator('tbody [data-status="cancelled"]').nth(2).waitFor()
    await close()
  })

  await suite.test('many executions are run again at once, after a count', async () => {
    const { id } = await api.workflow(`Bulk fails ${ids.mark}`, FAILS)
    const begun = []
    for (const count of [0, 0, 1]) begun.push(await api.run(id, { count }))
    await Promise.all(begun.map((each) => api.ended(each.id)))
    const { page, close } = await openPage(browser, { url, key, hash: `/executions?workflow_id=${id}` })
    expect(await page.getByTestId('bulk').isEnabled(), 'a narrowed list can be meant as a whole')
    await page.getByTestId('bulk').click()
    await page.getByTestId('bulk-retry').click()
    await page.getByRole('dialog', { name: 'Retry 2 executions?' }).waitFor()
    await page.getByTestId('confirm-yes').click()
    await page.getByText('2 executions started again.').waitFor()
    const again = (await runs(id)).filter(({ retry_of: of }) => of !== null)
    expectEqual(again.map(({ retry_of: of }) => of).sort(), begun.slice(0, 2).map((each) => each.id).sort(), 'what was run again')
    await page.getByTestId(`execution-${again[0].id}`).waitFor()
    await close()
  })

  await suite.test('workflows are labelled, and found by a label', async () => {
    const { id } = await api.post('/workflows', { name: `Labelled ${ids.mark}`, definition: ECHO })
    const { page, close } = await openPage(browser, { url, key, hash: `/workflows?q=Labelled ${ids.mark}` })
    await page.getByRole('button', { name: `Actions for Labelled ${ids.mark}` }).click()
    await page.getByTestId('rename').click()
    await page.getByTestId('workflow-labels').fill(`team-${ids.mark}`)
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expectEqual((await api.get(`/workflows/${id}`)).labels, [`team-${ids.mark}`], 'labels')
    await page.getByTestId('workflow-search').fill('')
    await page.getByRole('link', { name: `team-${ids.mark}` }).click()
    await page.getByTestId('label-filter').waitFor()
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1)
    await close()
  })

  await suite.test('a deletion asks twice while executions are under way', async () => {
    const { id } = await api.workflow(`Leaves ${ids.mark}`, WAITS)
    const run = await api.run(id)
    const { page, close } = await openPage(browser, { url, key, hash: `/workflows/${id}` })
    await page.getByTestId('workflow-menu').click()
    await page.getByTestId('delete').click()
    await page.getByTestId('confirm-yes').click()
    await page.getByRole('dialog', { name: `Cancel what runs of Leaves ${ids.mark}?` }).waitFor()
    await page.getByTestId('confirm-yes').click()
    await page.getByRole('heading', { level: 1, name: 'Workflows' }).waitFor()
    expectEqual((await api.ended(run.id)).status, 'cancelled', 'status')
    await close()
  })

  await suite.test('an execution leads to those it started, and back', async () => {
    const child = await api.workflow(`Child ${ids.mark}`, ECHO)
    const { slug } = await api.get(`/workflows/${child.id}`)
    const parent = await api.workflow(`Parent ${ids.mark}`, single({ id: 'other', type: 'workflow.run', config: { workflow: slug, input: { n: 1 } } }))
    const { id } = await api.run(parent.id)
    await api.ended(id)
    const { page, close } = await openPage(browser, { url, key, hash: `/executions/${id}` })
    await page.getByTestId('children').getByRole('link').click()
    await page.getByTestId('parent').waitFor()
    await page.getByRole('heading', { level: 1 }).getByText(`Child ${ids.mark}`).waitFor()
    await page.getByTestId('parent').click()
    await page.waitForURL(`**/#/executions/${id}**`)
    await page.getByTestId('run-panel').waitFor()
    await close()
  })

  await suite.test('what was taken back after a failure is said', async () => {
    const { id } = await api.run((await api.workflow(`Undoes ${ids.mark}`, UNDOES)).id)
    await api.ended(id)
    const { page, close } = await openPage(browser, { url, key, hash: `/executions/${id}` })
    await page.getByTestId('undo').getByText('Reserve the goods, by Release the goods').waitFor()
    await suite.shoot(page, 'execution-undone-light')
    await close()
  })

  await suite.test('a host that was called stands on the health page', async () => {
    const { id } = await api.run((await api.workflow(`Asks ${ids.mark}`, single({ id: 'ask', type: 'http.request', config: { url: `${target}/alive` } }))).id)
    await api.ended(id)
    const { page, close } = await openPage(browser, { url, key, hash: '/health' })
    await page.getByTestId(`provider-${new URL(target).host}`).or(page.getByTestId(`provider-${new URL(target).hostname}`)).first().waitFor({ timeout: 40_000 })
    await close()
  })

  await suite.test('the palette finds triggers and executions', async () => {
    const { page, close } = await openPage(browser, { url, key })
    await page.keyboard.press('Control+K')
    await page.getByPlaceholder('Search or jump to…').fill(`route-${ids.mark}`)
    await page.getByRole('button', { name: new RegExp(`/trigger/route-${ids.mark}`) }).first().click()
    await page.getByTestId('deliveries').waitFor()
    await page.keyboard.press('Control+K')
    await page.getByPlaceholder('Search or jump to…').fill(ids.failed)
    await page.getByRole('button', { name: `Open execution ${ids.failed}` }).click()
    await page.waitForURL(`**/#/executions/${ids.failed}`)
    await close()
  })
}
