/** Every page in both themes: what it says of itself, WCAG A and AA, no complaint of the browser, no request elsewhere; and a picture to look at. */
import { violations } from '../lib/axe.mjs'
import { openPage, settled } from '../lib/browser.mjs'
import { expect, expectNone } from '../lib/checks.mjs'

const pagesOf = (ids) => [
  ['home', '/', 'Home'],
  ['workflows', '/workflows', 'Workflows'],
  ['workflow-canvas', `/workflows/${ids.order}`, 'Orders'],
  ['workflow-broken', `/workflows/${ids.broken}`, 'Half written'],
  ['workflow-json', `/workflows/${ids.broken}/json`, 'Half written'],
  ['workflow-versions', `/workflows/${ids.order}/versions`, 'Orders'],
  ['workflow-executions', `/workflows/${ids.route}/executions`, 'Route'],
  ['workflow-triggers', `/workflows/${ids.order}/triggers`, 'Orders'],
  ['executions', '/executions', 'Executions'],
  ['executions-none', '/executions?status=cancelled&q=nothing-like-this', 'Executions'],
  ['execution-waiting', `/executions/${ids.waiting}`, 'Orders'],
  ['execution-node', `/executions/${ids.waiting}?node=charge`, 'Orders'],
  ['execution-graph', `/executions/${ids.waiting}?view=graph`, 'Orders'],
  ['execution-events', `/executions/${ids.waiting}?view=events`, 'Orders'],
  ['execution-failed', `/executions/${ids.failed}`, 'Rates'],
  ['execution-routed', `/executions/${ids.routed}?view=graph&node=kind`, 'Route'],
  ['analytics', '/analytics', 'Analytics'],
  ['analytics-workflow', `/analytics?range=1h&workflow_id=${ids.order}`, 'Analytics'],
  ['triggers', '/triggers', 'Triggers'],
  ['trigger-http', `/triggers/${ids.http}`, 'HTTP'],
  ['trigger-schedule', `/triggers/${ids.schedule}`, 'Schedule'],
  ['dead-letters', '/dead-letters', 'Dead letters'],
  ['credentials', '/credentials', 'Credentials'],
  ['node-types', '/node-types?type=http.request', 'Node types'],
  ['api-keys', '/api-keys', 'API keys'],
  ['missing', '/nowhere', 'There is no such page'],
]

const DIALOGS = [
  ['dialog-create', '/workflows?new=true', null],
  ['dialog-palette', '/', 'open-palette'],
  ['dialog-trigger', '/triggers', 'new-trigger-top'],
  ['dialog-key', '/api-keys', 'new-key'],
  ['dialog-credential', '/credentials?new=true', null],
]

async function look(suite, { page, complaints, foreign }, name, title) {
  if (title) expect((await page.locator('h1, h2').allInnerTexts()).some((text) => text.includes(title)), `${name} has no heading with ${title}`)
  // A picture first: it is wanted most when what follows fails.
  await page.waitForTimeout(150)
  await suite.shoot(page, name)
  expectNone(await violations(page), `accessibility of ${name}`)
  expectNone(complaints.splice(0), `the browser complains on ${name}`)
  expectNone(foreign.splice(0), `${name} asks elsewhere`)
}

export async function pages(suite, browser, { url, key, ids }) {
  for (const theme of ['light', 'dark']) {
    const open = await openPage(browser, { url, key, theme })
    for (const [name, hash, title] of pagesOf(ids)) {
      await suite.test(`page ${name} ${theme}`, async () => {
        await open.go(hash)
        await look(suite, open, `${name}-${theme}`, title)
      })
    }
    for (const [name, hash, button] of [...DIALOGS, ['dialog-run', `/workflows/${ids.order}`, 'run']]) {
      await suite.test(`page ${name} ${theme}`, async () => {
        await open.go(hash)
        if (button) await open.page.getByTestId(button).first().click()
        await open.page.getByRole('dialog').first().waitFor()
        await settled(open.page)
        await look(suite, open, `${name}-${theme}`, null)
        await open.page.keyboard.press('Escape')
      })
    }
    await open.close()
    const stranger = await openPage(browser, { url, key, theme, signedIn: false })
    await suite.test(`page sign-in ${theme}`, () => look(suite, stranger, `sign-in-${theme}`, 'Sign in'))
    await stranger.close()
  }
  const phone = await openPage(browser, { url, key, width: 390, height: 844 })
  for (const [name, hash, title] of pagesOf(ids)) {
    await suite.test(`page ${name} at 390 px`, async () => {
      await phone.go(hash)
      const over = await phone.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      await look(suite, phone, `${name}-phone`, title)
      expect(over <= 0, `${name} is ${over} px wider than the window`)
    })
  }
  await phone.close()
}
