/** A test is a name and a function; what it throws is its failure. Each runs whatever became of those before. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

export class Suite {
  passed = 0
  failures = []

  constructor({ only, shots }) {
    this.only = only
    this.shots = shots
    if (shots) mkdirSync(shots, { recursive: true })
  }

  async test(name, run) {
    if (this.only && !name.includes(this.only)) return
    const started = Date.now()
    try {
      await run()
      this.passed++
      console.log(`ok    ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`)
    } catch (error) {
      this.failures.push(name)
      console.log(`FAIL  ${name}\n      ${String(error.stack ?? error).split('\n').slice(0, 12).join('\n      ')}`)
    }
  }

  async shoot(page, name) {
    if (this.shots) await page.screenshot({ path: join(this.shots, `${name}.png`) })
  }
}

export function expect(condition, message) {
  if (!condition) throw new Error(message)
}

export function expectEqual(found, wanted, what) {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(`${what}: expected ${JSON.stringify(wanted)}, found ${JSON.stringify(found)}`)
}

export function expectNone(list, what) {
  if (list.length > 0) throw new Error(`${what}:\n${list.join('\n')}`)
}
