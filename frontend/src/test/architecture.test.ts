// @vitest-environment node
/** The rules of the layout, checked on the sources themselves. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, it } from 'vitest'

const SRC = resolve(import.meta.dirname, '..')
const GENERATED = ['api/schema.d.ts']

const filesOf = (folder: string): string[] =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? filesOf(path) : [path]
  })

const sources = filesOf(SRC).filter((path) => /\.(tsx?|css)$/.test(path) && !GENERATED.includes(relative(SRC, path)))

/** What a module of ours imports, as paths below src. */
function importsOf(path: string): string[] {
  const text = readFileSync(path, 'utf8')
  const named = [...text.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map((match) => match[1] ?? '')
  return named.flatMap((name) => {
    if (name.startsWith('@/')) return [name.slice(2)]
    return name.startsWith('.') ? [relative(SRC, resolve(dirname(path), name))] : []
  })
}

const layerOf = (path: string): string => path.split('/')[0] ?? ''
const featureOf = (path: string): string | null => (layerOf(path) === 'features' ? (path.split('/')[1] ?? null) : null)

const ALLOWED: Record<string, string[]> = {
  lib: ['lib'],
  api: ['api', 'lib'],
  ui: ['ui', 'api', 'lib'],
  features: ['features', 'ui', 'api', 'lib'],
  app: ['app', 'features', 'ui', 'api', 'lib'],
  test: ['test', 'app', 'features', 'ui', 'api', 'lib'],
}

it('looks at the real sources', () => {
  expect(sources.length).toBeGreaterThan(100)
})

it('keeps every file under 250 lines', () => {
  const long = sources.map((path) => [relative(SRC, path), readFileSync(path, 'utf8').split('\n').length] as const).filter(([path, lines]) => lines > 250 && !path.endsWith('.css'))
  expect(long).toEqual([])
})

it('imports downwards only', () => {
  const wrong = sources.flatMap((path) => {
    const from = relative(SRC, path)
    if (/\.test\.tsx?$/.test(from)) return []
    return importsOf(path).filter((to) => !(ALLOWED[layerOf(from)] ?? []).includes(layerOf(to))).map((to) => `${from} -> ${to}`)
  })
  expect(wrong).toEqual([])
})

it('enters a feature through its index only', () => {
  const wrong = sources.flatMap((path) => {
    const from = relative(SRC, path)
    return importsOf(path).filter((to) => featureOf(to) !== null && featureOf(to) !== featureOf(from) && to.split('/').length > 2).map((to) => `${from} -> ${to}`)
  })
  expect(wrong).toEqual([])
})

it('names files in kebab-case', () => {
  const wrong = sources.map((path) => relative(SRC, path)).filter((path) => !/^[a-z0-9-]+(\.[a-z]+)*$/.test(path.split('/').pop() ?? ''))
  expect(wrong).toEqual([])
})
