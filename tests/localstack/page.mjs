/** The web app from its bucket: signs in, finds a workflow, runs it. Prints what was seen as one line of JSON. `node page.mjs WORDS FOLDER` */
import { launch, openPage, settled } from '../../frontend/e2e/lib/browser.mjs'

const { url, api, key, workflow } = JSON.parse(process.argv[2])
const folder = process.argv[3]
const browser = await launch()
try {
  const { page, complaints, foreign, go } = await openPage(browser, { url, key, hash: '/sign-in', signedIn: false })
  let preflights = 0
  let execution = ''
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  session.on('Network.requestWillBeSent', ({ request, type }) => {
    if (type === 'Preflight' || request.method === 'OPTIONS') preflights += 1
  })
  await page.getByTestId('api-key').fill(key)
  await page.getByTestId('sign-in').click()
  await page.getByRole('heading', { level: 1, name: 'Home' }).waitFor()
  await go('/workflows')
  await page.getByText('Seen in a browser').first().waitFor()
  await page.screenshot({ path: `${folder}/workflows.png` })
  // As the app does it: from this page's origin, with a key, so that the browser asks first.
  const started = await page.evaluate(
    async ([to, token]) => {
      const answer = await fetch(to, { method: 'POST', headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, body: '{"input":{}}' })
      return { status: answer.status, location: answer.headers.get('Location'), body: await answer.json() }
    },
    [`${api}/workflows/${workflow}/executions`, key],
  )
  if (started.status !== 202) throw new Error(JSON.stringify(started))
  execution = started.body.id
  await go(`/executions/${execution}`)
  await settled(page)
  await page.getByText('Succeeded').first().waitFor()
  await page.screenshot({ path: `${folder}/execution.png` })
  const elsewhere = foreign.filter((address) => !address.startsWith(api))
  if (elsewhere.length) throw new Error(`requests elsewhere: ${elsewhere}`)
  if (!foreign.length) throw new Error('the page asked the API nothing')
  console.log(JSON.stringify({ complaints, preflights, execution, requests: foreign.length }))
} finally {
  await browser.close()
}
