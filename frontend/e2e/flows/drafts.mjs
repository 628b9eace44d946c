/** Drafts: they travel, save themselves, belong to one workflow, and lose nothing. */
import { openPage } from '../lib/browser.mjs'
import { expectEqual } from '../lib/checks.mjs'
import { closeInspector, definitionOf, emptyCanvas, openStep, SAVED } from '../lib/drawing.mjs'

const node = (id, type, x, more = {}) => ({ id, type, name: id, config: {}, ui: { x, y: 0 }, ...more })
const CHAIN = {
  schema: 'millrace/1',
  nodes: [node('one', 'transform', 0, { config: { assign: { v: '1' } } }), node('two', 'transform', 320, { config: { assign: { v: '2' } } }), node('three', 'transform', 640, { config: { assign: { v: '3' } } })],
  edges: [{ from: 'one', to: 'two' }, { from: 'two', to: 'three' }],
}

export async function drafts(suite, browser, { url, key, api, ids }) {
  const begin = async (name, definition, more = {}) => {
    const opened = await openPage(browser, { url, key, ...more })
    const id = await emptyCanvas(api, opened, `${name} ${ids.mark}`, definition)
    return { ...opened, id }
  }

  await suite.test('steps are copied into another workflow with their edges, and a curl command becomes a step', async () => {
    const { page, context, go, close } = await begin('Copy', CHAIN)
    await page.getByTestId('node-two').click()
    await closeInspector(page)
    await page.getByTestId('node-three').click({ modifiers: ['Shift'] })
    await page.keyboard.press('Control+C')
    const other = await emptyCanvas(api, { page, go }, `Pasted ${ids.mark}`)
    await page.mouse.move(700, 400)
    await page.keyboard.press('Control+V')
    await page.getByTestId('node-three').waitFor()
    await page.evaluate(() => navigator.clipboard.writeText(`curl -X POST https://pay.example/charges -H 'X-Shop: 7' -d '{"amount": 5}'`))
    await page.mouse.move(700, 650)
    await page.keyboard.press('Control+V')
    await page.getByTestId('inspector').waitFor()
    await SAVED(page)
    const pasted = await definitionOf(api, other)
    expectEqual(pasted.edges, [{ from: 'two', to: 'three' }], 'edges')
    expectEqual(pasted.nodes[2].config, { method: 'POST', url: 'https://pay.example/charges', body: { amount: 5 }, headers: { 'X-Shop': '7' } }, 'the config of the call')
    await closeInspector(page)
    await page.keyboard.press('Control+Z')
    await page.keyboard.press('Control+Z')
    await page.getByTestId('empty-canvas').waitFor()
    await context.close().catch(() => close())
  })

  await suite.test('two tabs on one canvas: the second is asked, with a diff', async () => {
    const { page, id, close } = await begin('Tabs', CHAIN)
    const other = await openPage(browser, { url, key, hash: `/workflows/${id}` })
    await openStep(other.page, 'one')
    await other.page.getByTestId('node-name').fill('From the other')
    await SAVED(other.page)
    await openStep(page, 'two')
    await page.getByTestId('node-name').fill('From here')
    await page.getByTestId('json-diff').waitFor()
    await page.getByTestId('conflict-dialog').getByText('From the other').first().waitFor()
    await page.getByTestId('take-theirs').click()
    await page.getByTestId('node-one').getByText('From the other').waitFor()
    expectEqual((await definitionOf(api, id)).nodes.map(({ name }) => name), ['From the other', 'two', 'three'], 'nothing was overwritten')
    await other.close()
    await close()
  })

  await suite.test('leaving at once saves, into the workflow it belongs to', async () => {
    const { page, id, close } = await begin('Leaving', CHAIN)
    await openStep(page, 'one')
    await page.getByTestId('node-name').fill('Changed last')
    await page.getByTestId('nav-workflows').click()
    await page.getByRole('heading', { level: 1, name: 'Workflows' }).waitFor()
    expectEqual((await definitionOf(api, id)).nodes[0].name, 'Changed last', 'the name')
    const second = await api.workflow(`Leaving to ${ids.mark}`, CHAIN, [], false)
    await page.evaluate((to) => (location.hash = `#/workflows/${to}`), second.id)
    await page.getByTestId('node-one').waitFor()
    await openStep(page, 'two')
    await page.getByTestId('node-name').fill('Of the second')
    await page.goBack()
    await page.getByRole('heading', { level: 1, name: 'Workflows' }).waitFor()
    expectEqual((await definitionOf(api, second.id)).nodes[1].name, 'Of the second', 'the second workflow')
    expectEqual((await definitionOf(api, id)).nodes[1].name, 'two', 'the first workflow')
    await close()
  })

  await suite.test('a step is tested with data that was pinned to the one before', async () => {
    const { page, id, close } = await begin('Tested', { schema: 'millrace/1', nodes: [node('first', 'delay', 0, { config: { seconds: 3600 } }), node('double', 'transform', 320, { config: { assign: { twice: 'nodes.first.output.n * 2' } } })], edges: [{ from: 'first', to: 'double' }] })
    await openStep(page, 'first')
    await page.getByTestId('tab-data').click()
    await page.getByTestId('pin-write').click()
    await page.getByTestId('pin-editor').locator('.cm-content').click()
    await page.keyboard.press('Control+A')
    await page.keyboard.insertText('{"n": 21}')
    await page.getByTestId('pin-save').click()
    await openStep(page, 'double')
    await page.getByTestId('tab-data').click()
    await page.getByTestId('test-step').click()
    await page.locator('[data-testid="test-result"][data-status="succeeded"]').waitFor()
    await page.getByTestId('test-output').getByText('42').waitFor()
    await suite.shoot(page, 'builder-test-light')
    await SAVED(page)
    expectEqual((await definitionOf(api, id)).nodes[0].ui.pinned, { output: { n: 21 } }, 'the pinned data')
    expectEqual((await api.get(`/executions?workflow_id=${id}`)).items, [], 'executions')
    await close()
  })

  await suite.test('notes and groups are drawn, moved with what stands in them, and saved', async () => {
    const { page, id, close } = await begin('Notes', CHAIN)
    await page.getByTestId('node-three').waitFor()
    await page.mouse.move(900, 700)
    await page.keyboard.press('n')
    await page.getByTestId('note-note').locator('textarea').fill('Remember this')
    await page.locator('.react-flow__pane').click({ position: { x: 500, y: 60 } })
    await page.keyboard.press('Control+A')
    await page.keyboard.press('Control+G')
    await page.getByTestId('note-group').waitFor()
    await SAVED(page)
    const { ui } = await definitionOf(api, id)
    expectEqual(ui.notes.map(({ kind, text }) => [kind, text]), [['note', 'Remember this'], ['group', 'Group']], 'notes')
    await page.reload()
    await page.getByTestId('note-group').waitFor()
    await suite.shoot(page, 'builder-notes-light')
    await close()
  })

  await suite.test('what the form does not know survives', async () => {
    const odd = { ...CHAIN, nodes: [{ ...CHAIN.nodes[0], ui: { x: 0, y: 0, colour: 'red' }, config: { assign: { v: '1' } }, sensitive: ['/v'] }, ...CHAIN.nodes.slice(1)], settings: { retention_days: 5 }, output: { v: '{{ nodes.one.output.v }}' }, input_schema: { type: 'object', 'x-own': true } }
    const { page, id, close } = await begin('Unknown', odd)
    await openStep(page, 'two')
    await page.getByTestId('node-name').fill('Other')
    await SAVED(page)
    expectEqual(await definitionOf(api, id), { ...odd, nodes: odd.nodes.map((each) => (each.id === 'two' ? { ...each, name: 'Other' } : each)) }, 'the draft')
    await close()
  })
}
