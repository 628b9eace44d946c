/** Triggers as they are made, changed and tried beside the canvas: every type, drawn from what the registry says. */
import { violations } from '../lib/axe.mjs'
import { openPage } from '../lib/browser.mjs'
import { expect, expectEqual, expectNone } from '../lib/checks.mjs'
import { emptyCanvas, field, fillCode } from '../lib/drawing.mjs'

const DRAFT = { schema: 'millrace/1', nodes: [{ id: 'take', type: 'transform', name: 'Take it', config: { assign: { n: 'input.n' } }, ui: { x: 320, y: 0 } }], edges: [] }

export async function starting(suite, browser, { url, key, api, ids }) {
  const begin = async (name, more = {}) => {
    const opened = await openPage(browser, { url, key, ...more })
    const id = await emptyCanvas(api, opened, `${name} ${ids.mark}`, DRAFT)
    return { ...opened, id }
  }
  const triggersOf = async (id) => (await api.get(`/triggers?workflow_id=${id}`)).items
  const choose = async (page, name, option) => {
    await field(page, name).getByRole('combobox').or(field(page, name).locator('input')).first().click()
    await page.getByRole('option', { name: option }).first().click()
  }
  const save = async (page) => {
    await page.getByTestId('save-trigger').click()
    await page.getByTestId('trigger-panel').waitFor()
  }

  await suite.test('an HTTP trigger is begun with a preset, limited, debounced, opened to pages, and changed beside the canvas', async () => {
    const { page, id, close } = await begin('HTTP form')
    await page.getByTestId('pal-api').click()
    await page.getByTestId('preset-github').click()
    await page.getByTestId('preset-steps').getByText('Add webhook').waitFor()
    await page.getByTestId('save-trigger').click()
    await field(page, 'auth').getByText('secret', { exact: false }).first().waitFor()
    await field(page, 'auth.secret').locator('input').fill('a very long secret')
    await field(page, 'path').locator('input').fill(`form-${ids.mark}`)
    await page.getByTestId('more-options').click()
    await page.getByTestId('set-rate_limit').click()
    await field(page, 'rate_limit.limit').locator('input').fill('100')
    await page.getByTestId('set-cors').click()
    await field(page, 'cors.origins').locator('input:not([type="hidden"])').last().fill('https://shop.example')
    await page.keyboard.press('Enter')
    await page.getByTestId('set-debounce').click()
    await field(page, 'debounce.seconds').locator('input').first().fill('5')
    await suite.shoot(page, 'dialog-trigger-http-light')
    await save(page)
    const [made] = await triggersOf(id)
    expectEqual([made.config.auth, made.config.rate_limit.limit, made.config.debounce.seconds, made.config.cors.origins], [{ type: 'github', has_secret: true }, 100, 5, ['https://shop.example']], 'the config')
    expect(made.config.dedupe_key.includes('x-github-delivery'), 'the dedupe key of the preset')

    await choose(page, 'auth', 'HMAC signature')
    await field(page, 'auth.secret').locator('input').fill('another long secret')
    await field(page, 'auth.header').locator('input').fill('x-signature')
    await choose(page, 'auth.algorithm', 'sha512')
    await suite.shoot(page, 'builder-trigger-light')
    expectNone(await violations(page), 'accessibility of the trigger beside the canvas')
    await page.getByTestId('save-trigger').click()
    await page.getByText('It holds from now on').waitFor()
    const [changed] = await triggersOf(id)
    expectEqual([changed.config.auth.type, changed.config.auth.header, changed.config.auth.algorithm, changed.config.path], ['hmac', 'x-signature', 'sha512', `form-${ids.mark}`], 'after the change')
    await close()
  })

  await suite.test('a schedule has its next runs, its overlap, jitter, bounds and the change of clocks', async () => {
    const { page, id, close } = await begin('Schedule form')
    await page.getByTestId('pal-schedule').click()
    await page.getByText('on weekdays at 9', { exact: true }).click()
    await page.getByTestId('cron-preview').getByText('Monday through Friday').waitFor()
    await choose(page, 'overlap', 'Cancel it and run')
    await choose(page, 'misfire', 'Run all of them')
    await page.getByTestId('more-options').click()
    await field(page, 'start').locator('input').fill('2031-01-02T03:04')
    await page.getByTestId('set-dst').click()
    await choose(page, 'dst.skipped', 'Not on that day')
    await field(page, 'jitter_seconds').locator('input').first().fill('30')
    await suite.shoot(page, 'dialog-trigger-schedule-light')
    await save(page)
    const [made] = await triggersOf(id)
    const { cron, overlap, misfire, dst, jitter_seconds: jitter, start } = made.config
    expectEqual([cron, overlap, misfire, dst.skipped, jitter], ['0 9 * * MON-FRI', 'replace', 'all', 'skip', 30], 'the config')
    expect(start.startsWith('2031-01-0'), `the start is ${start}`)
    await page.getByTestId('trigger-tab-state').click()
    await page.getByTestId('next-runs').getByRole('listitem').first().waitFor()
    await page.getByRole('tab', { name: 'Parameters' }).click()
    await page.getByTestId('choice-cron-every_seconds-at').getByText('Interval').click()
    await field(page, 'every_seconds').locator('input').first().fill('3600')
    await page.getByTestId('save-trigger').click()
    await page.getByText('It holds from now on').waitFor()
    const [changed] = await triggersOf(id)
    expectEqual([changed.config.every_seconds, changed.config.cron ?? null], [3600, null], 'the interval')
    await api.delete(`/triggers/${changed.id}`)
    await close()
  })

  for (const [zone, here] of [['America/New_York', -5], ['Asia/Kolkata', 5.5]]) {
    await suite.test(`the next runs of a schedule are shown in the zone of who looks, ${zone}`, async () => {
      const { page, id, close } = await begin(`Zone ${zone}`, { timezoneId: zone })
      await page.clock.setFixedTime(new Date('2031-01-15T10:00:00Z')) // a Wednesday, in winter
      await page.getByTestId('pal-schedule').click()
      expectEqual(await field(page, 'timezone').getByRole('combobox').inputValue(), zone, 'a new schedule is read in the zone of who makes it')
      await field(page, 'timezone').getByRole('combobox').fill('Europe/Berlin')
      await page.getByRole('option', { name: 'Europe/Berlin' }).click()
      await page.getByText('on weekdays at 9', { exact: true }).click()
      const next = page.getByTestId('cron-next').getByRole('listitem')
      // 09:00 in Berlin is 08:00 UTC; that of the 15th is past, so the 16th, 17th, then Monday.
      const minutes = 8 * 60 + here * 60
      const clock = `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
      await next.nth(4).waitFor()
      expectEqual(await next.locator('time').allInnerTexts(), ['Thu 16', 'Fri 17', 'Mon 20', 'Tue 21', 'Wed 22'].map((day) => `${day} Jan, ${clock}`), 'in the zone of who looks')
      expectEqual(await next.locator('time').evaluateAll((all) => all.map((each) => each.dateTime)), [16, 17, 20, 21, 22].map((day) => `2031-01-${day}T08:00:00.000Z`), 'the instants')
      await next.first().getByText('Thu 16 Jan, 09:00 in Europe/Berlin').waitFor()
      await suite.shoot(page, `dialog-cron-${zone.replace('/', '-').toLowerCase()}-light`)
      await save(page)
      const [made] = await triggersOf(id)
      expectEqual([made.config.cron, made.config.timezone], ['0 9 * * MON-FRI', 'Europe/Berlin'], 'the config')
      // What the server plans, as the ledger shows it, is the same.
      await page.clock.setFixedTime(new Date())
      await page.getByTestId('trigger-tab-state').click()
      const planned = page.getByTestId('next-runs').locator('time')
      await planned.first().waitFor()
      for (const at of await planned.evaluateAll((all) => all.map((each) => [each.dateTime, each.textContent]))) {
        const wanted = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit' }).format(new Date(at[0]))
        expect(at[1].endsWith(wanted), `${at[0]} is shown as ${at[1]}, not ${wanted}`)
      }
      await api.delete(`/triggers/${made.id}`)
      await close()
    })
  }

  await suite.test('a trigger listens to the ends of another workflow', async () => {
    const { page, id, close } = await begin('Workflow form')
    const { slug } = await api.get(`/workflows/${ids.failing}`)
    await page.getByTestId('pal-workflow').click()
    await page.getByTestId('preset-on-failure').click()
    await field(page, 'workflow').locator('input').fill(slug)
    await page.keyboard.press('Tab')
    await fillCode(page, 'cel-filter', 'input.error.code != ""')
    await save(page)
    const [made] = await triggersOf(id)
    expectEqual([made.type, made.config.on], ['workflow', ['failed']], 'the config')
    await page.getByTestId('publish').click()
    await page.getByText('Version 1 is live.').waitFor()
    await api.ended((await api.run(ids.failing, { total: 1, count: 0 })).id)
    await page.getByTestId('trigger-tab-state').click()
    await page.getByTestId('trigger-panel').locator('[data-testid^="run-item-"]').first().waitFor({ timeout: 30_000 })
    await api.delete(`/triggers/${made.id}`)
    await close()
  })

  await suite.test('a Kafka trigger has batches, a filter, a place to start, and what becomes of poison', async () => {
    const { page, id, close } = await begin('Kafka form')
    await page.getByTestId('pal-kafka').click()
    await field(page, 'topic').locator('input').fill(`form-${ids.mark}`)
    await choose(page, 'start', 'At the oldest record')
    await choose(page, 'value', 'JSON')
    await fillCode(page, 'cel-filter', 'input.amount > 100')
    await choose(page, 'on_poison', 'Stop in front of it')
    await page.getByTestId('more-options').click()
    await field(page, 'batch.max_records').locator('input').fill('50')
    await suite.shoot(page, 'dialog-trigger-kafka-light')
    await save(page)
    const [made] = await triggersOf(id)
    const { start, value, filter, on_poison: poison, batch } = made.config
    expectEqual([start, value, filter, poison, batch.max_records], ['earliest', 'json', 'input.amount > 100', 'pause', 50], 'the config')
    await api.delete(`/triggers/${made.id}`)
    await close()
  })

  await suite.test('a test URL catches one request, shows it, and runs the draft with it', async () => {
    const { page, id, close } = await begin('Test URL')
    await page.getByTestId('pal-api').click()
    await save(page)
    await page.getByTestId('trigger-tab-test').click()
    await page.getByTestId('open-test').click()
    const test = await page.getByTestId('test-url').innerText()
    await suite.shoot(page, 'builder-test-url-light')
    const answer = await fetch(test, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"n": 21}' })
    expect(answer.ok, `the test URL answered ${answer.status}`)
    await page.getByTestId('test-captured').getByText('21').waitFor()
    await page.getByTestId('run-banner').waitFor()
    await page.locator('[data-testid="node-take"][data-status="succeeded"]').waitFor()
    expectEqual((await api.get(`/executions?workflow_id=${id}`)).items.map(({ version }) => version), ['draft'], 'what ran')
    await suite.shoot(page, 'builder-test-caught-light')
    await close()
  })
}
