/** Workspaces, their members and the audit log: made, changed, entered and left as a person does. */
import { openPage, settled } from '../lib/browser.mjs'
import { expect, expectEqual } from '../lib/checks.mjs'

const confirmed = async (page) => {
  await page.getByTestId('confirm-yes').click()
}

export async function tenancy(suite, browser, { url, key, api, ids }) {
  const email = `ada-${ids.mark}@example.com`

  await suite.test('a member is added, given another role and removed, and the audit log says so', async () => {
    const { page, go, close } = await openPage(browser, { url, key, hash: '/members' })
    await page.getByTestId('add-member').click()
    await page.getByTestId('member-email').fill(`Ada-${ids.mark}@Example.com`)
    await page.getByTestId('save-member').click()
    const row = page.getByTestId(`member-${email}`)
    await row.getByText('Invited').waitFor()
    await row.getByRole('combobox', { name: `Role of ${email}` }).click()
    await page.getByRole('option', { name: 'Editor' }).click()
    await confirmed(page)
    const member = async () => (await api.get('/members')).items.find((each) => each.email === email)
    for (let left = 100; (await member()).role !== 'editor'; left--) {
      if (left === 0) throw new Error('the role did not change')
      await page.waitForTimeout(50)
    }
    await page.getByTestId('add-member').click()
    await page.getByTestId('member-email').fill(email)
    await page.getByTestId('save-member').click()
    await page.getByText('is a member already').first().waitFor()
    await page.keyboard.press('Escape')
    await row.getByRole('button', { name: `Remove ${email}` }).click()
    await confirmed(page)
    await row.waitFor({ state: 'detached' })
    expectEqual(await member(), undefined, 'the member')

    await go('/audit')
    await page.getByTestId('filter-action').fill('remove_member')
    await page.waitForURL((at) => at.hash.includes('action=remove_member'))
    await page.getByTestId(/^audit-\d+$/).first().waitFor()
    await settled(page)
    const said = await page.getByTestId(/^audit-\d+$/).allInnerTexts()
    expect(said.length > 0 && said.every((text) => text.includes('Remove member')), `only removals: ${said}`)
    expect(await page.getByTestId('filter-action').evaluate((field) => field === document.activeElement), 'the field keeps the focus')
    await page.getByTestId('check-audit').click()
    await page.locator('[data-testid="audit-checked"][data-intact="true"]').waitFor()
    await close()
  })

  await suite.test('a workspace is made and entered: nothing of the other one is seen in it, and there is a way back', async () => {
    const slug = `team-${ids.mark}`
    const { page, go, close } = await openPage(browser, { url, key, hash: '/workspaces' })
    const home = await page.getByTestId('workspace-name').innerText()
    await page.getByTestId('new-workspace').click()
    await page.getByTestId('workspace-name-field').fill(`Team ${ids.mark}`)
    expectEqual(await page.getByTestId('workspace-slug').inputValue(), slug, 'the slug follows the name')
    await page.getByTestId('save-workspace').click()
    await page.getByTestId(`workspace-${slug}`).getByRole('button', { name: /Work in/ }).click()
    await page.getByTestId('workspace-name').getByText(`Team ${ids.mark}`).waitFor()
    await go('/executions')
    await page.getByTestId('workspace-name').getByText(`Team ${ids.mark}`).waitFor()
    await page.getByTestId('empty-state').first().waitFor()
    await go('/api-keys')
    await page.getByTestId('new-key').click()
    await page.getByTestId('key-name').fill('first of the team')
    await page.getByTestId('create-key').click()
    const made = (await page.getByTestId('new-key-text').innerText()).trim().split(/\s/)[0]
    const me = await (await fetch(new URL('api/me', url), { headers: { Authorization: `Bearer ${made}` } })).json()
    expectEqual(me.workspace.slug, slug, 'whose key it is')
    await page.getByTestId('key-copied').click()
    await page.getByTestId('account-menu').click()
    await page.getByTestId('own-workspace').click()
    await page.getByTestId('workspace-name').getByText(home, { exact: true }).waitFor()
    await close()

    const theirs = await openPage(browser, { url, key: made, hash: '/workspaces' })
    await theirs.page.getByTestId(`workspace-${slug}`).waitFor()
    expectEqual(await theirs.page.getByTestId(/^workspace-team-|^workspace-default/).count(), 1, 'workspaces the key sees')
    expectEqual(await theirs.page.getByTestId('new-workspace').count(), 0, 'only the first key makes workspaces')
    await theirs.close()
  })
}
