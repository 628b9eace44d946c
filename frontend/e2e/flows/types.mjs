/**
 * Every node type and trigger type of the registry, one after the other on one canvas: added from the palette, its form drawn with the control that each field
 * asks for, each field switched over to Expression and back, filled in with the type's own example, tried, saved, and the same after a reload.
 */
import { generateKeyPairSync } from 'node:crypto'
import { openPage, settled } from '../lib/browser.mjs'
import { expect, expectEqual, expectNone } from '../lib/checks.mjs'
import { closeInspector, definitionOf, emptyCanvas, openStep, SAVED } from '../lib/drawing.mjs'
import { fillForm } from '../lib/filling.mjs'
import { checkForm, FORMS, TRIGGER_FORMS } from '../lib/forms.mjs'

/** What the examples name: a credential that fits, by the name of the example's. */
const CREDENTIALS = {
  'mail-server': ['smtp', { host: '127.0.0.1' }],
  aws: ['aws', { access_key_id: 'AKIAEXAMPLE', secret_access_key: 'secret', region: 'eu-central-1' }],
  discord: ['discord_webhook', { url: 'https://discord.com/api/webhooks/1/x' }],
  openai: ['bearer', { token: 'secret' }],
  'shop-db': ['postgres', { host: '127.0.0.1', database: 'shop', username: 'shop' }],
  firebase: ['apns', { private_key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }), key_id: 'key', team_id: 'team', topic: 'topic' }],
  slack: ['slack_bot', { token: 'xoxb-secret' }],
  twilio: ['twilio', { account_sid: 'AC0123456789', auth_token: 'secret' }],
  teams: ['teams_webhook', { url: 'https://example.webhook.office.com/x' }],
  webhooks: ['webhook_secret', { secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLKSwMfKQ9r8G' }],
}
/** Types that compute or call what is here, and so can be tried without anybody's account. */
const TRIED = { condition: { total: 101 }, function: {}, 'http.request': { id: 'A-1' }, transform: { total: 2 }, switch: { total: 2 } }

export async function types(suite, browser, { url, key, api, ids, target }) {
  const opened = await openPage(browser, { url, key, autosave: false })
  const { page, close } = opened
  page.setDefaultTimeout(15_000)
  const registry = (await api.get('/registry/actions')).items.filter(({ custom }) => !custom)
  const triggers = (await api.get('/registry/triggers')).items
  const wanted = {}

  await suite.test('every type of the registry has its row here', async () => {
    expectEqual(registry.map(({ type }) => type).sort(), Object.keys(FORMS).sort(), 'node types')
    expectEqual(triggers.map(({ type }) => type).sort(), Object.keys(TRIGGER_FORMS).sort(), 'trigger types')
  })

  const slugs = {}
  for (const [name, [type, data]] of Object.entries(CREDENTIALS)) slugs[name] = (await api.post('/credentials', { name: `${name} ${ids.mark}`, type, data })).slug
  const called = await api.post('/workflows', { name: `Called ${ids.mark}`, definition: { schema: 'millrace/1', nodes: [], edges: [] } })
  const example = (entry) => {
    const named = (value) => (value.credential ? { ...value, credential: slugs[value.credential] } : value)
    const more = { 'http.request': { url: `${target}/orders` }, 'workflow.run': { workflow: called.slug } }[entry.type] ?? {}
    return Object.fromEntries(Object.entries({ ...named(entry.example), ...more }).map(([name, value]) => [name, value?.credential ? named(value) : value]))
  }
  const id = await emptyCanvas(api, opened, `Every type ${ids.mark}`)

  for (const entry of registry) {
    await suite.test(`node type ${entry.type}: its form is drawn, switched, filled in and valid`, async () => {
      await page.getByTestId(`pal-${entry.type}`).click()
      const form = page.getByTestId('inspector')
      await form.getByText(entry.title, { exact: false }).first().waitFor()
      const own = (await form.locator('header code').innerText()).trim()
      const more = form.getByTestId('more-options')
      if (await more.isVisible()) await more.click()
      const row = FORMS[entry.type]
      const named = row.replace(/\([^()]*(\([^()]*\)[^()]*)*\)/g, '').match(/\w+(?=:)/g)
      expectEqual([...named].sort(), Object.keys(entry.config_schema.properties).sort(), 'the fields of its schema')
      expectNone(await checkForm(page, row, (entry.config_schema['x-one-of'] ?? []).join('-')), 'its form')
      wanted[own] = { type: entry.type, config: await fillForm(page, row, example(entry)) }
      if (entry.type === 'map') await openStep(page, own)
      await page.getByTestId(`issues-${own}`).waitFor({ state: 'detached' })
      if (TRIED[entry.type]) {
        await page.getByTestId('tab-data').click()
        await page.getByTestId('test-step').click()
        await page.getByTestId('test-result').waitFor()
      }
      await closeInspector(page)
    })
  }

  await suite.test('what was filled in is what is saved, and the same after a reload', async () => {
    await page.getByTestId('save').click()
    await SAVED(page)
    const saved = await definitionOf(api, id)
    for (const node of saved.nodes) {
      const { type, config } = wanted[node.id]
      const found = config.body === 'drawn' ? { ...node.config, body: 'drawn' } : node.config
      expectEqual(node.type, type, `the type of ${node.id}`)
      // What is as it would be anyway may be left out.
      const standard = registry.find((entry) => entry.type === type).config_schema.properties
      for (const [name, value] of Object.entries(config)) expectEqual(found[name] ?? standard[name].default, value, `${node.id}, ${name}`)
    }
    expectEqual(saved.nodes.length, registry.length, 'steps')
    await page.reload()
    await settled(page)
    await page.getByTestId('node-condition').waitFor()
    await suite.shoot(page, 'builder-every-type-light')
    expectEqual(await definitionOf(api, id), saved, 'the draft after a reload')
  })

  for (const entry of triggers) {
    await suite.test(`trigger type ${entry.type}: its form is drawn`, async () => {
      await page.getByTestId(`pal-${entry.type}`).click()
      const form = page.getByTestId('trigger-form')
      await form.getByTestId('save-trigger').waitFor()
      const more = form.getByTestId('more-options')
      if (await more.isVisible()) await more.click()
      const row = TRIGGER_FORMS[entry.type]
      const named = row.replace(/\([^()]*\)/g, '').match(/\w+(?=:)/g)
      const wrong = await checkForm(page, row, (entry.config_schema['x-one-of'] ?? []).join('-'), { modes: false })
      await form.getByRole('button', { name: 'Cancel' }).click()
      await form.waitFor({ state: 'detached' })
      expectEqual([...named].sort(), Object.keys(entry.config_schema.properties).sort(), 'the fields of its schema')
      expectNone(wrong, 'its form')
    })
  }
  expectNone(opened.complaints, 'the browser complains')
  expect(opened.foreign.length === 0, 'nothing is asked elsewhere')
  await close()
}
