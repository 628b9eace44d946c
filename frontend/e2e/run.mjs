/**
 * End-to-end checks of the web app against a running Millrace:
 *
 *   node e2e/run.mjs --url http://127.0.0.1:8080/ --key KEY [--shots FOLDER] [--only TEXT] [--flow NAME]      one of flows/index.mjs
 *       [--target URL] [--topic NAME]      what the drawn workflow really calls, and publishes to
 *       [--token TOKEN --email ADDRESS]      of a person, where the Millrace has an OpenID provider
 *       [--elsewhere URL]      another origin that the API lets in, at which the build is served
 *
 * Without --key it is read from --run-file (default: ../.millrace/run.json). Exit code 1 when a check failed.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import * as flows from './flows/index.mjs'
import { makeApi } from './lib/api.mjs'
import { launch } from './lib/browser.mjs'
import { Suite } from './lib/checks.mjs'
import { seed } from './seed.mjs'

const { values: given } = parseArgs({
  options: { url: { type: 'string' }, key: { type: 'string' }, shots: { type: 'string' }, only: { type: 'string' }, flow: { type: 'string' }, target: { type: 'string' }, topic: { type: 'string' }, elsewhere: { type: 'string' }, token: { type: 'string' }, email: { type: 'string' }, 'run-file': { type: 'string', default: '../.millrace/run.json' } },
})
const running = given.url && given.key ? {} : JSON.parse(readFileSync(given['run-file'], 'utf8'))
const url = given.url ?? running.url
const key = given.key ?? running.api_key

const suite = new Suite(given)
const api = makeApi(url, key)
const browser = await launch()
try {
  const ids = await seed(api)
  for (const [name, flow] of Object.entries(flows)) if (given.flow ? given.flow === name : !['plug', 'people'].includes(name)) await flow(suite, browser, { url, key, api, ids, target: given.target, topic: given.topic, elsewhere: given.elsewhere, token: given.token, email: given.email })
} finally {
  await browser.close()
}
console.log(`${suite.passed} passed, ${suite.failures.length} failed`)
for (const name of suite.failures) console.log(`  failed: ${name}`)
process.exit(suite.failures.length > 0 ? 1 : 0)
