/** A person signs in with a token of the installation's OpenID provider, pasted or in a link, as a portal in front of the app gives it; `token` is theirs, and `email` the address in it. */
import { openPage } from '../lib/browser.mjs'
import { expectEqual } from '../lib/checks.mjs'

export async function people(suite, browser, { url, key, api, token, email }) {
  await suite.test('a token signs its person in once they are a member, with the rights of their role, and no longer when they are removed', async () => {
    const { page, go, close } = await openPage(browser, { url, key, signedIn: false })
    await page.getByTestId('api-key').fill(token)
    await page.getByTestId('sign-in').click()
    await page.getByText('a member of no workspace').first().waitFor()

    const member = await api.post('/members', { email, role: 'viewer' })
    await go(`/sign-in?key=${encodeURIComponent(token)}&next=${encodeURIComponent('/workflows')}`)
    await page.waitForURL((at) => at.hash === '#/workflows')
    await page.getByTestId('account-menu').click()
    await page.getByText(`${email} · viewer`).waitFor()
    await page.keyboard.press('Escape')
    await go('/members')
    await page.getByRole('alert').first().waitFor()
    expectEqual(await page.getByTestId(/^member-/).count(), 0, 'members that a viewer sees')

    await api.delete(`/members/${member.id}`)
    await go('/executions')
    await page.getByText('a member of no workspace').first().waitFor()
    await close()
  })
}
