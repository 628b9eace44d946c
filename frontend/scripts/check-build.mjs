// Runs after `vite build`: prints what a first visit downloads, and fails when it is too much or could not run under the strict policy.
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const LIMIT_KB = 250
const dist = new URL('../dist/', import.meta.url).pathname

const manifest = JSON.parse(readFileSync(join(dist, '.vite/manifest.json'), 'utf8'))
const initial = new Set()
const visit = (name) => {
  const chunk = manifest[name]
  if (initial.has(chunk.file)) return
  initial.add(chunk.file)
  for (const imported of chunk.imports ?? []) visit(imported)
}
visit('index.html')

const sizes = [...initial].map((file) => [file, gzipSync(readFileSync(join(dist, file))).length / 1024])
sizes.sort((a, b) => b[1] - a[1])
for (const [file, size] of sizes) console.log(`  ${size.toFixed(1).padStart(7)} KB  ${file}`)
const total = sizes.reduce((sum, [, size]) => sum + size, 0)
console.log(`Initial JS: ${total.toFixed(1)} KB gzip (limit ${LIMIT_KB} KB)`)

const problems = []
if (total > LIMIT_KB) problems.push(`initial JS is ${total.toFixed(1)} KB, over ${LIMIT_KB} KB`)
const html = readFileSync(join(dist, 'index.html'), 'utf8')
if (/<script(?![^>]*\bsrc=)/.test(html) || /\son\w+=/.test(html)) problems.push('index.html holds an inline script')
if (/(src|href)="(\/|https?:)/.test(html)) problems.push('index.html has an address that is not relative')
for (const file of readdirSync(join(dist, 'assets'))) {
  if (!file.endsWith('.js')) continue
  const text = readFileSync(join(dist, 'assets', file), 'utf8')
  if (/\bnew Function\(|[^.\w]eval\(/.test(text)) problems.push(`assets/${file} evaluates text as code`)
}
for (const problem of problems) console.error(`check-build: ${problem}`)
rmSync(join(dist, '.vite'), { recursive: true })
process.exit(problems.length > 0 ? 1 : 0)
