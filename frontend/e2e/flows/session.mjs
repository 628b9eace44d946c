/** Signing in and out, the ways around the app, and a build that lives in a folder. */
import { openPage, settled } from '../lib/browser.mjs'
import { expect, expectEqual, expectNone } from '../lib/checks.mjs'
import { serveFolder } from '../lib/folder-server.mjs'

const DIST = new URL('../../dist/', import.meta.url).pathname

export async function session(suite, browser, { url, key, ids, elsewhere }) {
  await suite.test('the link signs in, and the key leaves the address', async () => {
    const { page, close } = await openPage(browser, { url, key, hash: `/sign-in?key=${key}&next=%2Ftriggers`, signedIn: false })
    await page.getByRole('heading', { level: 1, name: 'Triggers' }).waitFor()
    expect(!page.url().includes(key), `the address still has the key: ${page.url()}`)
    await page.goBack().catch(() => undefined)
    expect(!page.url().includes(key), 'going back shows the key')
    await close()
  })

  await suite.test('a wrong key is refused in the words of the API', async () => {
    const { page, close } = await openPage(browser, { url, key, hash: '/executions', signedIn: false })
    await page.getByTestId('api-key').fill('mr_not_a_key_at_all_000000')
    await page.getByTestId('sign-in').click()
    await page.getByText('not known or has been revoked').waitFor()
    await page.getByTestId('api-key').fill(key)
    await page.getByTestId('sign-in').click()
    await page.getByRole('heading', { level: 1, name: 'Executions' }).waitFor()
    await close()
  })

  await suite.test('signing out forgets the key', async () => {
    const { page, close } = await openPage(browser, { url, key, signedIn: false, hash: `/sign-in?key=${key}` })
    await page.getByTestId('account-menu').click()
    await page.getByTestId('sign-out').click()
    await page.getByRole('heading', { name: 'Sign in to Millrace' }).waitFor()
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]))
    expect(!kept.includes(key), 'the key is still stored')
    await close()
  })

  await suite.test('the palette and the keys lead anywhere', async () => {
    const { page, close } = await openPage(browser, { url, key })
    await page.keyboard.press('Control+K')
    await page.getByPlaceholder('Search or jump to…').fill(`Route by kind ${ids.mark}`)
    await page.getByRole('button', { name: new RegExp(`Route by kind ${ids.mark}`) }).first().waitFor()
    // The first one found is chosen already.
    await page.keyboard.press('Enter')
    await page.waitForURL(`**/#/workflows/${ids.route}`)
    await settled(page)
    await page.keyboard.press('g')
    await page.keyboard.press('t')
    await page.getByRole('heading', { level: 1, name: 'Triggers' }).waitFor()
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
    await close()
  })

  await suite.test('the theme is kept', async () => {
    const { page, close } = await openPage(browser, { url, key })
    await page.getByTestId('theme-menu').click()
    await page.getByTestId('theme-dark').click()
    expectEqual(await page.getAttribute('html', 'data-mantine-color-scheme'), 'dark', 'scheme')
    expectEqual(await page.evaluate(() => localStorage.getItem('millrace.color-scheme')), 'dark', 'kept scheme')
    await close()
  })

  await suite.test('the build works in any folder of a static host, under a strict policy', async () => {
    const host = await serveFolder(DIST, '/deep/er/', url)
    const { page, complaints, foreign, close } = await openPage(browser, { url: host.url, key, hash: `/executions/${ids.waiting}?view=graph` })
    await page.getByTestId('node-charge').waitFor()
    await page.goto(`${host.url}#/workflows/${ids.broken}/json`)
    await page.locator('.cm-content').waitFor()
    expectNone(complaints, 'the browser complains')
    expectNone(foreign, 'requests elsewhere')
    await close()
    await host.stop()
  })

  await suite.test('the build works in a bucket of another origin, and asks only there and the API', async () => {
    if (!elsewhere) return
    const host = await serveFolder(DIST, '/web/', url, Number(new URL(elsewhere).port))
    const { page, complaints, foreign, close } = await openPage(browser, { url: `${host.url}index.html`, key, hash: '/sign-in', signedIn: false })
    await page.getByTestId('api-key').fill(key)
    await page.getByTestId('sign-in').click()
    await page.getByRole('heading', { level: 1, name: 'Home' }).waitFor()
    await page.goto(`${host.url}index.html#/workflows/${ids.order}`)
    await page.getByTestId('node-charge').waitFor()
    expectNone(complaints, 'the browser complains')
    expect(foreign.length > 0 && foreign.every((asked) => asked.startsWith(new URL('api/', url).href)), `only the API is asked elsewhere: ${foreign.find((asked) => !asked.startsWith(new URL('api/', url).href))}`)
    await close()
    await host.stop()
  })
}
