/** WCAG 2 A and AA as axe-core sees them. The page's policy allows no injected script, so axe comes through the debugger, as an extension would. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

/** Rules whose answer depends on colours: all that another theme can change. */
const COLOURS = ['color-contrast', 'link-in-text-block']
const RUNS = {
  all: { runOnly: { type: 'tag', values: TAGS } },
  colours: { runOnly: { type: 'rule', values: COLOURS } },
  layout: { runOnly: { type: 'tag', values: TAGS }, rules: Object.fromEntries(COLOURS.map((rule) => [rule, { enabled: false }])) },
}

/** Violations as lines; empty when there are none. Of a page that was looked at before, `what` may be only its `colours` (in another theme) or its `layout` (at another width). */
export async function violations(page, what = 'all') {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(source)
  const { violations: found } = await page.evaluate((options) => window.axe.run(document, { ...options, resultTypes: ['violations'] }), RUNS[what])
  return found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')} ${node.any?.[0]?.message ?? node.failureSummary ?? ''}`.slice(0, 300)))
}
