/** From nothing to a run: templates, the JSON editor with its problems, publishing, conflicts. */
import { openPage, settled } from '../lib/browser.mjs'
import { expect, expectEqual } from '../lib/checks.mjs'

const GOOD = {
  schema: 'millrace/1',
  nodes: [
    { id: 'double', type: 'transform', name: 'Double it', config: { assign: { twice: 'input.value * 2' } } },
    { id: 'answer', type: 'respond', config: { body: '{{ nodes.double.output }}' } },
  ],
  edges: [{ from: 'double', to: 'answer' }],
}
const BAD = { ...GOOD, nodes: [{ id: 'call', type: 'http.request', config: { method: 'POST' } }, ...GOOD.nodes] }

const text = (value) => JSON.stringify(value, null, 2)

/** As pasted: the editor's own typing help must not add to it. */
async function write(page, content) {
  const editor = page.getByTestId('definition-editor').locator('.cm-content')
  await editor.click()
  await page.keyboard.press('Control+A')
  await page.evaluate((pasted) => navigator.clipboard.writeText(pasted), content)
  await page.keyboard.press('Control+V')
}

async function create(page, name) {
  await page.getByTestId('new-workflow').click()
  await page.getByTestId('workflow-name').fill(name)
  await page.getByTestId('create').click()
  await page.getByTestId('empty-canvas').waitFor()
  await page.getByTestId('tab-json').click()
  await page.getByTestId('definition-editor').waitFor()
  return /workflows\/(wf_[0-9a-z]+)/.exec(page.url())[1]
}

export async function workflows(suite, browser, { url, key, api, ids }) {
  for (const [template, wanted] of [['hello', 'succeeded'], ['route', 'succeeded'], ['scheduled-check', 'succeeded'], ['order', 'waiting']]) {
    await suite.test(`one press makes the template ${template} run`, async () => {
      const { page, close } = await openPage(browser, { url, key, hash: '/workflows' })
      await page.getByTestId('templates').click()
      await page.getByTestId(`start-${template}`).click()
      await page.waitForURL('**/#/workflows/wf_*run=exe_*')
      await page.locator(`[data-testid="run-status"][data-status="${wanted}"]`).waitFor({ timeout: 30_000 })
      const { workflow_id: id, status } = await api.get(`/executions/${/exe_[0-9a-z]+/.exec(page.url())[0]}`)
      expectEqual(status, wanted, 'status')
      const triggers = (await api.get(`/triggers?workflow_id=${id}`)).items
      expectEqual(triggers.map(({ state }) => state), ['active'], 'the trigger of the template')
      // A schedule would go on firing after the tests.
      await api.delete(`/triggers/${triggers[0].id}`)
      await close()
    })
  }

  await suite.test('a workflow is begun with the steps of a template', async () => {
    const { page, close } = await openPage(browser, { url, key, hash: '/workflows' })
    await page.getByTestId('new-workflow').click()
    await page.getByTestId('workflow-name').fill(`Begun ${ids.mark}`)
    await page.getByRole('combobox', { name: 'Begin with' }).click()
    await page.getByRole('option', { name: 'The steps of “Route by kind”' }).click()
    await page.getByTestId('create').click()
    await page.getByTestId('node-kind').waitFor()
    await page.getByTestId('out-kind-refund').waitFor()
    await close()
  })

  await suite.test('a definition written as JSON is checked, mended, saved, published and run', async () => {
    const { page, close } = await openPage(browser, { url, key, hash: '/workflows' })
    const id = await create(page, `Written ${ids.mark}`)
    await write(page, text(BAD))
    await page.getByTestId('problem').filter({ hasText: 'this field is required' }).click()
    expectEqual(await page.evaluate(() => document.getSelection().toString()), '"config"', 'the problem leads to its place')
    await page.getByTestId('publish').click()
    await page.getByTestId('publish-problem').first().waitFor()
    await page.keyboard.press('Escape')
    await page.getByTestId('problems-dialog').waitFor({ state: 'detached' })
    expectEqual((await api.get(`/workflows/${id}`)).live_version, null, 'live version')

    await write(page, text(GOOD))
    await page.getByText('No problems').waitFor()
    await page.keyboard.press('Control+S')
    await page.getByTestId('save-state').getByText('Saved').waitFor()
    expectEqual((await api.get(`/workflows/${id}`)).definition, GOOD, 'the saved draft')
    await page.reload()
    await settled(page)
    expectEqual((await page.locator('.cm-line').allInnerTexts()).join('\n'), text(GOOD), 'the draft after a reload')

    await page.getByTestId('publish').click()
    await page.getByText('Version 1 is live.').waitFor()
    await page.getByTestId('run').click()
    await page.getByTestId('run-input').locator('.cm-content').click()
    await page.keyboard.press('Control+A')
    await page.keyboard.insertText('{"value": 21}')
    await page.getByTestId('run-start').click()
    await page.locator('[data-testid="execution-status"][data-status="succeeded"]').waitFor()
    await page.getByTestId('run-double').click()
    await page.getByTestId('run-output-view').getByText('42').waitFor()
    await page.getByTestId('view-graph').click()
    await page.locator('[data-testid="status-double"][data-status="succeeded"]').waitFor()
    await close()
  })

  await suite.test('text that is no JSON is shown where it breaks, and cannot be saved', async () => {
    const { page, close } = await openPage(browser, { url, key, hash: `/workflows/${ids.broken}/json` })
    const before = await api.get(`/workflows/${ids.broken}`)
    await write(page, '{"schema": "millrace/1", "nodes": [}')
    await page.getByTestId('problem').getByText('A value is expected here').waitFor()
    await page.keyboard.press('Control+S')
    await page.getByText('This is not JSON yet').waitFor()
    expectEqual((await api.get(`/workflows/${ids.broken}`)).revision, before.revision, 'revision')
    await close()
  })

  await suite.test('two tabs in conflict lose nobody’s work', async () => {
    const { id } = await api.workflow(`Conflict ${ids.mark}`, GOOD, [], false)
    const [one, two] = [await openPage(browser, { url, key, hash: `/workflows/${id}/json`, autosave: false }), await openPage(browser, { url, key, hash: `/workflows/${id}/json`, autosave: false })]
    const named = (name) => ({ ...GOOD, nodes: GOOD.nodes.map((node, index) => (index === 0 ? { ...node, name } : node)) })
    const nameNow = async () => (await api.get(`/workflows/${id}`)).definition.nodes[0].name

    await write(one.page, text(named('From one')))
    await one.page.getByTestId('save').click()
    await one.page.getByText('Draft saved.').first().waitFor()
    await write(two.page, text(named('From two')))
    await two.page.getByTestId('save').click()
    await two.page.getByTestId('json-diff').waitFor()
    await two.page.getByText('From one').waitFor()
    expectEqual(await nameNow(), 'From one', 'before the choice')
    await suite.shoot(two.page, 'dialog-conflict-light')
    await two.page.getByTestId('keep-mine').click()
    await two.page.getByTestId('json-diff').waitFor({ state: 'detached' })
    await two.page.getByTestId('save-state').getByText('Saved').waitFor()
    expectEqual(await nameNow(), 'From two', 'after keeping mine')

    await write(one.page, text(named('Again one')))
    await one.page.getByTestId('save').click()
    await one.page.getByTestId('take-theirs').click()
    await one.page.getByTestId('save-state').getByText('Saved').waitFor()
    expect((await one.page.locator('.cm-content').innerText()).includes('From two'), 'theirs is shown')
    expectEqual(await nameNow(), 'From two', 'after taking theirs')

    // A change of the name only is no conflict.
    await fetch(new URL(`api/workflows/${id}`, url), { method: 'PATCH', headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' }, body: '{"description": "said elsewhere"}' })
    await write(two.page, text(named('Two, after a rename')))
    await two.page.getByTestId('save').click()
    await two.page.getByTestId('save-state').getByText('Saved').waitFor()
    expectEqual(await nameNow(), 'Two, after a rename', 'after a rename elsewhere')
    await one.close()
    await two.close()
  })

  await suite.test('leaving with unsaved changes asks', async () => {
    const { page, close } = await openPage(browser, { url, key, hash: `/workflows/${ids.broken}/json`, autosave: false })
    await write(page, text(GOOD))
    await page.getByTestId('save-state').getByText('Unsaved changes').waitFor()
    await page.getByTestId('tab-canvas').click()
    await page.getByTestId('node-double').waitFor()
    await page.getByTestId('nav-triggers').click()
    await page.getByRole('button', { name: 'Stay' }).click()
    expect(page.url().includes(ids.broken), 'stayed')
    await page.getByTestId('nav-triggers').click()
    await page.getByTestId('confirm-yes').click()
    await page.getByRole('heading', { level: 1, name: 'Triggers' }).waitFor()
    expect((await api.get(`/workflows/${ids.broken}`)).definition.nodes[0].id === 'call', 'nothing was saved')
    await close()
  })

  await suite.test('a workflow is disabled, duplicated and deleted', async () => {
    const { page, close } = await openPage(browser, { url, key, hash: `/workflows/${ids.failing}` })
    await page.getByTestId('workflow-menu').click()
    await page.getByTestId('toggle-enabled').click()
    await page.getByText('Disabled').first().waitFor()
    expectEqual((await api.get(`/workflows/${ids.failing}`)).enabled, false, 'enabled')
    await page.getByTestId('workflow-menu').click()
    await page.getByTestId('toggle-enabled').click()
    await page.getByTestId('live-badge').waitFor()
    await page.getByTestId('workflow-menu').click()
    await page.getByTestId('duplicate').click()
    await page.getByRole('heading', { level: 1, name: `Rates ${ids.mark} (copy)` }).waitFor()
    const copy = /workflows\/(wf_[0-9a-z]+)/.exec(page.url())[1]
    await page.getByTestId('workflow-menu').click()
    await page.getByTestId('delete').click()
    await page.getByTestId('confirm-yes').click()
    await page.getByRole('heading', { level: 1, name: 'Workflows' }).waitFor()
    expect(await api.get(`/workflows/${copy}`).then(() => false, () => true), 'the copy is gone')
    await close()
  })
}
