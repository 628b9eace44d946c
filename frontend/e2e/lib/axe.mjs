/** WCAG 2 A and AA as axe-core sees them. The page's policy allows no injected script, so axe comes through the debugger, as an extension would. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

/** Violations as lines; empty when there are none. */
export async function violations(page) {
  await page.evaluate(source)
  const { violations: found } = await page.evaluate((tags) => window.axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] }), TAGS)
  return found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')} ${node.any?.[0]?.message ?? node.failureSummary ?? ''}`.slice(0, 300)))
}
