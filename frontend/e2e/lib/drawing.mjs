/** What a person does on the canvas, with the mouse and the keys. */
import { settled } from './browser.mjs'

const centre = async (locator) => {
  const box = await locator.boundingBox()
  if (!box) throw new Error(`${locator} is not on the page`)
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 }
}

export const SAVED = (page) => page.getByTestId('save-state').getByText(/^Saved/).waitFor()

/** An empty draft, open on the canvas; its id. */
export async function emptyCanvas(api, opened, name, definition = { schema: 'millrace/1', nodes: [], edges: [] }) {
  const { id } = await api.post('/workflows', { name, definition })
  await opened.go(`/workflows/${id}`)
  await opened.page.locator('.react-flow__pane').waitFor()
  return id
}

export async function press(page, from, to, steps = 10) {
  await page.mouse.move(from.x, from.y)
  await page.mouse.down()
  await page.mouse.move(from.x + 8, from.y + 8, { steps: 2 })
  await page.mouse.move(to.x, to.y, { steps })
  await page.mouse.up()
}

/** Drags a type out of the palette; `to` is a place of the canvas, or something on it. */
export async function dragOut(page, type, to) {
  const item = page.getByTestId(`pal-${type}`)
  await item.scrollIntoViewIfNeeded()
  await press(page, await centre(item), 'x' in to ? to : await centre(to))
}

export async function closeInspector(page) {
  const close = page.getByTestId('close-inspector')
  if (await close.isVisible()) await close.click()
}

/** Draws a connection from a way out of one step into another. */
export async function connect(page, from, port, to) {
  await press(page, await centre(page.getByTestId(`out-${from}-${port}`)), await centre(page.getByTestId(`in-${to}`)))
}

export async function openStep(page, id) {
  await page.getByTestId(`node-${id}`).click()
  await page.getByTestId('inspector').waitFor()
}

/** Puts text into a CodeMirror field, as pasted: its typing help must not add to it. */
export async function fillCode(page, testId, text) {
  const content = page.getByTestId(testId).locator('.cm-content')
  await content.click()
  await page.keyboard.press('Control+A')
  await page.keyboard.insertText(text)
  await page.keyboard.press('Escape')
}

export const field = (page, name) => page.getByTestId(`field-${name}`)

export const definitionOf = async (api, id) => (await api.get(`/workflows/${id}`)).definition

/** Where steps stand on the screen, by id. */
export const placesOf = (page) =>
  page.evaluate(() => Object.fromEntries([...document.querySelectorAll('.react-flow__node')].map((node) => [node.dataset.id, node.style.transform])))

export { centre, settled }
