/** Trying a draft while it is drawn: up to one step, with pinned data, on what ran before. */
import { openPage } from '../lib/browser.mjs'
import { expect, expectEqual } from '../lib/checks.mjs'
import { closeInspector, definitionOf, emptyCanvas, fillCode, openStep, SAVED } from '../lib/drawing.mjs'

const step = (id, type, x, config = {}, more = {}) => ({ id, type, name: id, config, ui: { x, y: 0 }, ...more })
const CHAIN = {
  schema: 'millrace/1',
  nodes: [
    step('paid', 'http.request', 0, { url: 'http://192.0.2.1/never' }, { ui: { x: 0, y: 0, pinned: { output: { n: 20 } } } }),
    step('double', 'transform', 320, { assign: { v: 'nodes.paid.output.n * 2' } }),
    step('broken', 'transform', 640, { assign: { v: '1 / 0' } }),
  ],
  edges: [{ from: 'paid', to: 'double' }, { from: 'double', to: 'broken' }],
}

export async function trying(suite, browser, { url, key, api, ids }) {
  const begin = async (name, definition, more = {}) => {
    const opened = await openPage(browser, { url, key, ...more })
    const id = await emptyCanvas(api, opened, `${name} ${ids.mark}`, definition)
    return { ...opened, id }
  }
  const shownRun = (page) => /run=(exe_[0-9a-z]+)/.exec(page.url())?.[1]

  await suite.test('the draft is run to one step, and what is pinned does not run', async () => {
    const { page, close } = await begin('Run to', CHAIN)
    await openStep(page, 'double')
    await page.getByTestId('tab-data').click()
    await page.getByTestId('run-to-here').click()
    await page.locator('[data-testid="node-double"][data-status="succeeded"]').waitFor()
    await page.getByTestId('step-output').getByText('40').waitFor()
    await suite.shoot(page, 'builder-run-to-light')
    const ended = await api.ended(shownRun(page))
    expectEqual(ended.nodes.map(({ node_id, output }) => [node_id, output]), [['paid', { n: 20 }], ['double', { v: 40 }]], 'what ran')
    expectEqual(await page.getByTestId('node-broken').getAttribute('data-status'), null, 'the step behind it')
    await closeInspector(page)
    await page.getByTestId('node-paid').click({ button: 'right' })
    await page.getByTestId('run-to-paid').waitFor()
    await page.keyboard.press('Escape')
    await close()
  })

  await suite.test('past runs stand beside the canvas, and are shown with exactly what ran', async () => {
    const { page, id, close } = await begin('Past', { ...CHAIN, nodes: CHAIN.nodes.slice(1, 2).map((each) => ({ ...each, config: { assign: { v: 'input.n * 2' } } })), edges: [] })
    const [one, two] = [await api.run(id, { n: 1 }, { version: 'draft' }), await api.run(id, { n: 21 }, { version: 'draft' })]
    await api.ended(one.id)
    await api.ended(two.id)
    await openStep(page, 'double')
    await fillCode(page, 'entry-assign-0', 'input.n * 3')
    await SAVED(page)
    await page.getByTestId('palette-tab').getByText('Runs').click()
    await page.getByTestId(`run-item-${one.id}`).click()
    await page.locator('[data-testid="node-double"][data-status="succeeded"]').waitFor()
    await page.getByTestId('run-differs').getByText('1 step of the draft is not as it ran').waitFor()
    await page.getByTestId(`run-item-${two.id}`).click()
    await page.waitForFunction((wanted) => location.hash.includes(wanted), two.id)
    await page.getByTestId('tab-data').click()
    await page.getByTestId('step-output').getByText('42').waitFor()
    await suite.shoot(page, 'builder-past-runs-light')
    await page.getByTestId('run-shape').getByText('What ran').click()
    await page.getByTestId('ran-view').getByTestId('node-double').click()
    await page.getByTestId('ran-panel').getByText('42').waitFor()
    await suite.shoot(page, 'builder-what-ran-light')
    await page.getByTestId('take-ran').click()
    await SAVED(page)
    expectEqual((await definitionOf(api, id)).nodes[0].config, { assign: { v: 'input.n * 2' } }, 'the draft is what ran')
    await page.keyboard.press('Control+Z')
    await SAVED(page)
    expectEqual((await definitionOf(api, id)).nodes[0].config, { assign: { v: 'input.n * 3' } }, 'after one undo')
    await close()
  })

  await suite.test('an id is changed where it is read: in later steps, within a loop, and in what the workflow gives', async () => {
    const loop = step('each', 'map', 320, { items: '{{ nodes.first.output.list }}', body: { nodes: [step('inner', 'transform', 0, { assign: { v: "item + nodes['first'].output.add" } })], edges: [], output: '{{ nodes.inner.output.v }}' } })
    const { page, id, close } = await begin('Renamed', { schema: 'millrace/1', nodes: [step('first', 'transform', 0, { assign: { list: '[1, 2]', add: '10' } }), loop], edges: [{ from: 'first', to: 'each' }], output: { sums: '{{ nodes.each.output }}', add: '{{ nodes.first.output.add }}' } })
    const rename = async (from, to) => {
      await openStep(page, from)
      await page.getByTestId('step-settings').click()
      await page.getByTestId('node-id').fill(to)
      await page.keyboard.press('Enter')
      await page.getByTestId(`node-${to}`).waitFor()
    }
    await rename('first', 'start')
    await rename('each', 'sums')
    await page.getByRole('tab', { name: 'Parameters' }).click()
    await page.getByTestId('enter-body').click()
    await rename('inner', 'sum')
    await SAVED(page)
    const saved = await definitionOf(api, id)
    expectEqual(saved.output, { sums: '{{ nodes.sums.output }}', add: '{{ nodes.start.output.add }}' }, 'the output')
    const { body, items } = saved.nodes[1].config
    expectEqual([items, body.nodes[0].id, body.nodes[0].config.assign.v, body.output], ['{{ nodes.start.output.list }}', 'sum', "item + nodes['start'].output.add", '{{ nodes.sum.output.v }}'], 'the loop')
    const ended = await api.ended((await api.run(id, {}, { version: 'draft' })).id)
    expectEqual([ended.status, ended.output], ['succeeded', { sums: [11, 12], add: 10 }], 'it still runs')
    await close()
  })

  await suite.test('a function is written in an editor of its own, and runs', async () => {
    const { page, id, close } = await begin('Function')
    await page.getByTestId('first-step').click()
    await page.getByTestId('pick-function').click()
    await page.getByTestId('code-source').getByText('def main').waitFor()
    await fillCode(page, 'code-source', 'def main(input):\n    return {"doubled": input["value"] * 2}\n')
    await page.getByTestId('field-input').getByTestId('add-entry-input').click()
    await page.getByTestId('field-input').locator('input[placeholder="name"]').fill('value')
    await fillCode(page, 'entry-input-0', '{{ input.n }}')
    await SAVED(page)
    await suite.shoot(page, 'builder-function-light')
    const ended = await api.ended((await api.run(id, { n: 21 }, { version: 'draft' })).id)
    expectEqual([ended.status, ended.nodes[0].output], ['succeeded', { doubled: 42 }], 'what the function gave')
    await close()
  })

  await suite.test('an action of one’s own stands in the palette, with its form', async () => {
    const type = `tests.greet_${ids.mark}`
    await api.post('/registry/actions', {
      type, title: `Greet ${ids.mark}`, description: 'Says hello.', icon: 'message',
      config_schema: { type: 'object', required: ['name'], properties: { name: { type: 'string', title: 'Whom' } } },
      function: { language: 'python', source: 'def main(input):\n    return {"text": "Hello " + input["name"]}\n' },
    })
    const { page, id, close } = await begin('Own')
    await page.getByTestId('palette-search').fill(`greet ${ids.mark}`)
    await page.getByTestId(`pal-${type}`).click()
    await page.getByTestId('field-name').locator('input').fill('Ada')
    await SAVED(page)
    await suite.shoot(page, 'builder-own-action-light')
    const ended = await api.ended((await api.run(id, {}, { version: 'draft' })).id)
    expectEqual(ended.nodes[0].output, { text: 'Hello Ada' }, 'what it gave')
    await close()
  })

  await suite.test('two versions are compared on the canvas and as text, and the older one is made live', async () => {
    const opened = await openPage(browser, { url, key })
    const { page, close } = opened
    const first = { schema: 'millrace/1', nodes: [step('kept', 'transform', 0, { assign: { v: '1' } }), step('gone', 'transform', 320, { assign: { v: '2' } })], edges: [{ from: 'kept', to: 'gone' }] }
    const { id } = await api.workflow(`Versions ${ids.mark}`, first)
    await opened.go(`/workflows/${id}`)
    await openStep(page, 'gone')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Delete')
    await page.getByTestId('node-gone').waitFor({ state: 'detached' })
    await page.getByTestId('add-kept-main').click()
    await page.getByTestId('pick-stop').click()
    await openStep(page, 'kept')
    await fillCode(page, 'entry-assign-0', '7')
    await SAVED(page)
    await page.getByTestId('publish').click()
    await page.getByText('Version 2 is live.').waitFor()
    await page.getByTestId('tab-versions').click()
    await page.getByRole('button', { name: 'Look and compare: version 2' }).click()
    await page.getByText('Against v1').click()
    await page.getByText('1 step new (green), 1 different (amber), 1 gone (red, dashed)').waitFor()
    const changes = await page.getByTestId('version-graph').locator('[data-change]').evaluateAll((all) => all.map((each) => [each.dataset.testid, each.dataset.change]))
    expectEqual(Object.fromEntries(changes), { 'node-kept': 'changed', 'node-stop': 'added', 'node-gone': 'removed' }, 'changes')
    await suite.shoot(page, 'dialog-versions-light')
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Make live: version 1' }).click()
    await page.getByTestId('confirm-yes').click()
    await page.getByText('Version 1 is live again').first().waitFor()
    const after = await api.get(`/workflows/${id}`)
    expect(after.live_version === 1 && after.definition.nodes.some((each) => each.id === 'stop'), 'version 1 is live, the draft stays')
    await close()
  })
}
