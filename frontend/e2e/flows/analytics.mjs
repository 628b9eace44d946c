/** Analytics answers what happened, leads from a point to the executions behind it, and gives tables away that no spreadsheet runs. */
import { readFile } from 'node:fs/promises'
import { openPage, settled } from '../lib/browser.mjs'
import { expect, expectEqual } from '../lib/checks.mjs'

const COUNT = { schema: 'millrace/1', nodes: [{ id: 'rate', type: 'transform', config: { assign: { rate: '10 / input.n' } } }] }
const FORMULA = '=HYPERLINK("https://evil.example")'

export async function analytics(suite, browser, { url, key, api, ids }) {
  const name = `Counted ${ids.mark}`
  const workflow = await api.post('/workflows', { name, definition: COUNT, labels: [FORMULA] })
  await api.post(`/workflows/${workflow.id}/publish`, {})
  const trigger = await api.post('/triggers', { workflow_id: workflow.id, type: 'api', config: { path: `counted-${ids.mark}` } })
  const started = []
  for (const n of [1, 2, 0, 4, 0]) started.push(await api.run(workflow.id, { n }))
  const once = () => fetch(new URL(`api/trigger/counted-${ids.mark}`, url), { method: 'POST', headers: { 'Content-Type': 'application/json', 'Idempotency-Key': 'once' }, body: '{"n": 5}' })
  started.push({ id: (await (await once()).json()).execution_id })
  await once()
  await once()
  await Promise.all(started.map(({ id }) => api.ended(id)))
  const wanted = (found) => found.executions.total === 6 && found.turned_away.duplicate === 2
  const question = `/analytics/summary?workflow_id=${workflow.id}`
  for (let left = 300; !wanted(await api.get(question)); left--) {
    if (left === 0) throw new Error(`the figures did not come: ${JSON.stringify(await api.get(question))}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }

  await suite.test('analytics shows the figures, and each filter stands in the address', async () => {
    const { page, close } = await openPage(browser, { url, key, hash: '/analytics?range=1h' })
    await page.getByTestId('by-workflow').getByRole('link', { name }).click()
    await page.waitForURL((at) => at.hash.includes(`workflow_id=${workflow.id}`) && at.hash.includes('range=1h'))
    await page.getByTestId('figure-total').getByText('6', { exact: true }).waitFor()
    expect((await page.getByTestId('figure-failed').innerText()).includes('2'), 'two failed')
    expect((await page.getByTestId('figure-rate').innerText()).includes('66.6 %'), 'the success rate')
    expect((await page.getByTestId('now-turned-away').innerText()).includes('2 duplicates'), 'what was turned away')
    await page.getByTestId('by-trigger').getByRole('link', { name: /HTTP/ }).click()
    await page.waitForURL((at) => at.hash.includes(`trigger_id=${trigger.id}`))
    await page.getByTestId('figure-total').getByText('1', { exact: true }).waitFor()
    await page.getByTestId('narrowed-trigger_id').getByRole('button').click()
    await page.getByTestId('figure-total').getByText('6', { exact: true }).waitFor()
    await page.getByTestId('by-version').getByRole('link', { name: 'v1' }).click()
    await page.getByTestId('narrowed-version').waitFor()
    await page.reload()
    await settled(page)
    await page.getByTestId('figure-total').getByText('6', { exact: true }).waitFor()
    await page.getByTestId('narrowed-version').waitFor()
    await close()
  })

  await suite.test('a point of the chart leads to the executions behind it', async () => {
    const { page, close } = await openPage(browser, { url, key, hash: `/analytics?range=1h&workflow_id=${workflow.id}` })
    await page.getByTestId('chart-outcomes').locator('.recharts-bar-rectangle path').last().click()
    await page.waitForURL((at) => /^#\/executions\?/.test(at.hash) && at.hash.includes('from=') && at.hash.includes(`workflow_id=${workflow.id}`))
    await settled(page)
    const asked = new URLSearchParams(new URL(page.url()).hash.split('?')[1])
    expect(asked.has('finished_from') && asked.has('finished_to'), `by when they ended: ${asked}`)
    expect(['succeeded', 'failed'].includes(asked.get('status')), `the bar that was clicked: ${asked}`)
    const behind = (await api.get(`/executions?${asked}`)).items.map(({ id }) => id)
    expect(behind.length > 0 && behind.every((id) => started.some((one) => one.id === id)), `executions of the point: ${behind}`)
    for (const id of behind) await page.getByTestId(`execution-${id}`).waitFor()
    await page.goBack()
    await settled(page)
    await page.getByTestId('figure-failed').getByRole('link').click()
    await page.waitForURL((at) => at.hash.includes('status=failed'))
    await settled(page)
    for (const { id } of [started[2], started[4]]) await page.getByTestId(`execution-${id}`).waitFor()
    expectEqual(await page.getByTestId(/^execution-exe_/).count(), 2, 'failed executions listed')
    await close()
  })

  await suite.test('each figure leads to as many executions as it counts', async () => {
    const { page, go, close } = await openPage(browser, { url, key, hash: `/analytics?range=1h&workflow_id=${workflow.id}` })
    await page.getByTestId('show-points').click()
    await page.getByTestId(/^point-/).first().waitFor()
    const links = await page.locator('#main a[href*="#/executions?"]').evaluateAll((found) => found.map((link) => ({ said: link.textContent.trim(), to: link.getAttribute('href').split('#')[1], at: link.closest('section, [data-testid]')?.dataset.testid })))
    const counted = links.filter(({ said, to }) => /^[\d,]+$/.test(said) && !to.includes('node_retried') && !to.includes('due='))
    for (const place of ['figure-total', 'figure-failed', 'by-version', 'by-trigger', 'by-node', 'by-node_error']) expect(counted.some(({ at }) => at === place), `${place} leads on`)
    expect(counted.some(({ at }) => at?.startsWith('point-')), 'points lead on')
    for (const { said, to, at } of counted) {
      await go(to)
      const count = page.getByTestId('executions-count')
      const found = await count.getAttribute(to.includes('node_id=') ? 'data-runs' : 'data-executions')
      expectEqual(found, said.replaceAll(',', ''), `${at}: ${to}`)
      if (!to.includes('node_id=')) expectEqual(await page.getByTestId(/^execution-exe_/).count(), Number(found), `listed for ${to}`)
    }
    await close()
  })

  await suite.test('executions are narrowed by version, label and when they ended, and each stands in the address', async () => {
    const { page, close } = await openPage(browser, { url, key, hash: `/executions?workflow_id=${workflow.id}` })
    const listed = (number) => page.waitForFunction((wanted) => document.querySelector('[data-testid=executions-count]')?.dataset.executions === String(wanted), number)
    await listed(6)
    await page.getByTestId('filter-version').click()
    await page.getByRole('option', { name: 'Draft' }).click()
    await listed(0)
    await page.getByTestId('filter-version').click()
    await page.getByRole('option', { name: 'v1' }).click()
    await listed(6)
    await page.getByTestId('filter-label').click()
    await page.getByRole('option', { name: FORMULA }).click()
    await page.waitForURL((at) => at.hash.includes('version=1') && at.hash.includes('label='))
    await listed(6)
    await page.getByTestId('filter-time').click()
    await page.getByText('Ended', { exact: true }).click()
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 16)
    await page.getByTestId('time-from').fill(tomorrow)
    await page.getByTestId('time-apply').click()
    await page.waitForURL((at) => at.hash.includes('finished_from='))
    await listed(0)
    await page.getByTestId('filter-time').click()
    await page.getByRole('button', { name: 'Last hour' }).click()
    await page.waitForURL((at) => at.hash.includes('range=1h') && at.hash.includes('when=ended') && !at.hash.includes('finished_from'))
    await listed(6)
    await page.reload()
    await listed(6)
    await close()
  })

  await suite.test('tables are saved as CSV, and no text in them is a formula', async () => {
    const { page, close } = await openPage(browser, { url, key, hash: '/analytics?range=1h' })
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByTestId('by-label').getByRole('button', { name: /CSV/ }).click()])
    const text = await readFile(await file.path(), 'utf8')
    expectEqual(file.suggestedFilename(), 'millrace-label.csv', 'its name')
    expect(text.startsWith('label,total,'), 'a line of names')
    expect(text.includes(`"'=HYPERLINK(""https://evil.example"")",6,4,2`), `the label is a text: ${text}`)
    for (const table of ['by-trigger', 'by-workflow', 'chart-outcomes']) {
      const [saved] = await Promise.all([page.waitForEvent('download'), page.getByTestId(table).getByRole('button', { name: /CSV/ }).click()])
      expect((await readFile(await saved.path(), 'utf8')).split('\r\n').length > 2, `${table} has lines`)
    }
    await close()
  })
}
