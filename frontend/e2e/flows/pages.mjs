/** Every page in both themes and on a phone: what it says of itself, WCAG A and AA, no complaint of the browser, no request elsewhere; and pictures to look at. */
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
  ['workflow-settings', `/workflows/${ids.order}/settings`, 'Orders'],
  ['workflow-executions', `/workflows/${ids.route}/executions`, 'Route'],
  ['workflow-triggers', `/workflows/${ids.order}/triggers`, 'Orders'],
  ['executions', '/executions', 'Executions'],
  ['executions-none', '/executions?status=cancelled&q=nothing-like-this', 'Executions'],
  ['executions-behind', `/executions?workflow_id=${ids.route}&version=1&node_id=kind&node_status=succeeded&when=ended&range=24h`, 'Executions'],
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
  ['trigger-kafka', `/triggers/${ids.kafka}`, 'Kafka'],
  ['messages', '/messages', 'Messages'],
  ['dead-letters', '/dead-letters', 'Dead letters'],
  ['health', '/health', 'Health'],
  ['custom-actions', '/custom-actions', 'Custom actions'],
  ['custom-action', `/custom-actions/${ids.action}`, 'Current weather'],
  ['credentials', '/credentials', 'Credentials'],
  ['node-types', '/node-types?type=http.request', 'Node types'],
  ['api-keys', '/api-keys', 'API keys'],
  ['members', '/members', 'Members'],
  ['workspaces', '/workspaces', 'Workspaces'],
  ['audit', '/audit', 'Audit log'],
  ['audit-none', '/audit?action=nothing_like_this', 'Audit log'],
  ['missing', '/nowhere', 'There is no such page'],
]

const DESK = { width: 1440, height: 900 }
const PHONE = { width: 390, height: 844 }

const DIALOGS = [
  ['dialog-create', '/workflows?new=true', null],
  ['dialog-palette', '/', 'open-palette'],
  ['dialog-trigger', '/triggers', 'new-trigger-top'],
  ['dialog-openapi-empty', '/custom-actions', 'import-openapi'],
  ['dialog-time', '/executions?range=24h&when=ended', 'filter-time'],
  ['dialog-key', '/api-keys', 'new-key'],
  ['dialog-member', '/members', 'add-member'],
  ['dialog-workspace', '/workspaces', 'new-workspace'],
  ['dialog-credential', '/credentials?new=true', null],
]

/** What holds of the page as it stands, in the colours and the width of the moment. */
async function look(suite, { page, complaints, foreign }, name, what = 'all') {
  // A picture first: it is wanted most when what follows fails.
  await suite.shoot(page, name)
  expectNone(await violations(page, what), `accessibility of ${name}`)
  expectNone(complaints.splice(0), `the browser complains on ${name}`)
  expectNone(foreign.splice(0), `${name} asks elsewhere`)
}

async function turned(page, colorScheme) {
  await page.emulateMedia({ colorScheme })
  await page.waitForSelector(`html[data-mantine-color-scheme="${colorScheme}"]`)
  // Colours that are still on their way are in neither theme.
  await page.waitForFunction(() => !document.getAnimations().some((each) => each instanceof CSSTransition && each.playState === 'running'))
}

/** One visit, seen in both themes: the app follows the system's, so the page that was light is the page that turns dark. */
async function inBothThemes(suite, open, name) {
  await turned(open.page, 'light')
  await look(suite, open, `${name}-light`)
  await turned(open.page, 'dark')
  await look(suite, open, `${name}-dark`, 'colours')
}

/** And on a phone's width, as a window that is made narrow. */
async function onAPhone(suite, open, name) {
  await open.page.setViewportSize(PHONE)
  await settled(open.page)
  const over = await open.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
  await look(suite, open, `${name}-phone`, 'layout')
  expect(over <= 0, `${name} is ${over} px wider than the window`)
}

async function withHeading({ page }, title) {
  expect((await page.locator('h1, h2').allInnerTexts()).some((text) => text.includes(title)), `there is no heading with ${title}`)
}

export async function pages(suite, browser, { url, key, ids }) {
  const open = await openPage(browser, { url, key, theme: 'auto' })
  for (const [name, hash, title] of pagesOf(ids)) {
    await suite.test(`page ${name}`, async () => {
      await open.page.setViewportSize(DESK)
      await open.go(hash)
      await withHeading(open, title)
      await inBothThemes(suite, open, name)
      await onAPhone(suite, open, name)
    })
  }
  await open.page.setViewportSize(DESK)
  for (const [name, hash, button] of [...DIALOGS, ['dialog-run', `/workflows/${ids.order}`, 'run'], ['dialog-move', `/workflows/${ids.order}/versions`, 'move-to-1']]) {
    await suite.test(`page ${name}`, async () => {
      await open.go(hash)
      if (button) await open.page.getByTestId(button).first().click()
      await open.page.getByRole('dialog').first().waitFor()
      await settled(open.page)
      await inBothThemes(suite, open, name)
      await open.page.keyboard.press('Escape')
    })
  }
  await open.close()
  const stranger = await openPage(browser, { url, key, theme: 'auto', signedIn: false })
  await suite.test('page sign-in', async () => {
    await withHeading(stranger, 'Sign in')
    await inBothThemes(suite, stranger, 'sign-in')
    await onAPhone(suite, stranger, 'sign-in')
  })
  await stranger.close()
}
