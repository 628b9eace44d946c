/** Chromium as a person would have it: one context per test, with everything the page complains of kept. */
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'

const PATHS = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

export async function launch() {
  const executablePath = PATHS.find((path) => path && existsSync(path))
  if (!executablePath) throw new Error('no Chromium: install the package chromium, or set CHROMIUM to its path')
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
}

/** What a page may log without being wrong: the browser's own note on an answer that a test asked for. */
const EXPECTED = /Failed to load resource: the server responded with a status of (4\d\d|503)/

/** A page of a context of its own, signed in, at `hash`; `timezoneId` is the zone of the person's clock; the theme `auto` follows `page.emulateMedia`. `complaints` fills with errors and policy violations; `foreign` with requests to other origins. */
export async function openPage(browser, { url, key, theme = 'light', width = 1440, height = 900, hash = '/', signedIn = true, autosave = true, timezoneId }) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme === 'auto' ? 'light' : theme, reducedMotion: 'reduce', timezoneId, permissions: ['clipboard-read', 'clipboard-write'] })
  const complaints = []
  const foreign = []
  const origin = new URL(url).origin
  await context.addInitScript(
    ([stored, scheme, saves]) => {
      if (location.protocol === 'about:') return
      if (stored && !sessionStorage.getItem('millrace.key')) sessionStorage.setItem('millrace.key', stored)
      localStorage.setItem('millrace.color-scheme', scheme)
      localStorage.setItem('millrace.autosave', saves)
    },
    [signedIn ? key : null, theme, String(autosave)],
  )
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  page.on('console', (message) => {
    if (message.type() === 'error' && !EXPECTED.test(message.text())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => {
    if (/^https?:/.test(request.url()) && new URL(request.url()).origin !== origin) foreign.push(request.url())
  })
  const go = async (to) => {
    // From nothing, so that what is seen next is not the page before.
    await page.goto('about:blank')
    await page.goto(`${url}#${to}`)
    await settled(page)
  }
  await go(hash)
  return { page, context, complaints, foreign, go, close: () => context.close() }
}

/** When nothing loads any more and no placeholder is left. Polling pages never fall silent for long, so silence is not awaited. */
export async function settled(page) {
  await page.waitForLoadState('load')
  await quiet(page)
  // One thing's coming may be what the next one waits for.
  await page.waitForTimeout(120)
  await quiet(page)
}

async function quiet(page) {
  await page.waitForFunction(() => document.fonts.status === 'loaded' && !document.querySelector('.mantine-Skeleton-root, [data-loading]') && document.querySelector('h1'))
}
