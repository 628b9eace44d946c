/** How a person fills in a form that is drawn from a schema. */
import { field, fillCode } from './drawing.mjs'
import { fieldsOf } from './forms.mjs'

const isPlain = (value) => typeof value !== 'object' || value === null

/** Fills in what `value` says, as a person would; gives back what should then be in the draft. */
export async function fillForm(page, row, value, prefix = []) {
  const filled = {}
  // What leads to a canvas of its own closes the form, so it comes last.
  const fields = (typeof row === 'string' ? fieldsOf(row) : row).sort((one, other) => Number(one.control === 'graph') - Number(other.control === 'graph'))
  for (const { name, control, fields: inner } of fields) if (value[name] !== undefined) filled[name] = await fillField(page, { name, control, fields: inner }, value[name], prefix)
  return filled
}

async function fillField(page, { name, control, fields }, value, prefix) {
  const path = [...prefix, name].join('.')
  const root = field(page, path).first()
  const choose = async (box, text) => {
    await box.click()
    await page.getByRole('option', { name: text, exact: true }).first().click()
  }
  if (typeof value === 'string' && value.includes('{{') && !['cel', 'code', 'literal', 'entries', 'list'].includes(control)) {
    await root.getByTestId('mode-expression').first().click()
    await fillCode(page, `template-${path}`, value)
    return value
  }
  if (control === 'cel' || control === 'code') await fillCode(page, `${control}-${path}`, value)
  else if (control === 'literal') await fillCode(page, `json-${path}`, JSON.stringify(value))
  else if (control === 'text' || control === 'longtext' || control === 'workflow' || control === 'cron') await root.locator('input:not([type="hidden"]), textarea').first().fill(value)
  else if (control === 'number' || control === 'duration') await root.locator('input').first().fill(String(value))
  else if (control === 'switch') {
    const box = root.getByRole('switch')
    if ((await box.isChecked()) !== value) await root.locator('label').last().click()
  } else if (control === 'select' || control === 'credential') {
    const box = root.getByRole('combobox')
    if (control === 'credential') {
      const name = value.replace(/-(?=[^-]*$)/, ' ') // the slug is made of it
      await box.fill(name)
      await page.getByRole('option').filter({ hasText: name }).first().click()
    } else if ((await box.inputValue()) !== value.replaceAll('_', ' ')) await choose(box, value.replaceAll('_', ' '))
  } else if (control === 'texts') {
    for (const each of [value].flat()) {
      await root.getByRole('combobox').fill(each)
      await page.keyboard.press('Enter')
    }
    return [value].flat()
  } else if (control === 'only') return { [fields[0].name]: await fillField(page, fields[0], value[fields[0].name], [...prefix, name]) }
  else if (control === 'list') {
    const all = []
    for (const [index, each] of value.entries()) {
      await page.getByTestId(`add-item-${path}`).click()
      all.push(await fillForm(page, fields, each, [...prefix, name, String(index)]))
    }
    return all
  } else if (control === 'graph') return fillGraph(page)
  else if (control === 'entries' || (control === 'any' && !isPlain(value) && !Array.isArray(value) && Object.values(value).every(isPlain))) await fillEntries(page, root, path, value)
  else if (control === 'any') {
    const json = root.locator('label').filter({ hasText: /^JSON$/ })
    if (await json.isVisible()) await json.click()
    await fillCode(page, `json-${path}`, JSON.stringify(value))
  } else throw new Error(`nobody knows how to fill in ${path}, ${control}`)
  return value
}

async function fillEntries(page, root, path, value) {
  for (const [index, [name, each]] of Object.entries(value).entries()) {
    await page.getByTestId(`add-entry-${path}`).click()
    await root.getByPlaceholder('name').nth(index).fill(name)
    await fillCode(page, `entry-${path}-${index}`, typeof each === 'string' ? each : JSON.stringify(each))
    if (typeof each !== 'string') await root.getByTestId('take-as').last().click()
  }
}

/** One step within a loop. */
async function fillGraph(page) {
  await page.getByTestId('enter-body').click()
  await page.getByTestId('first-step').click()
  await page.getByTestId('pick-stop').click()
  await page.getByTestId('node-stop').waitFor()
  await page.getByTestId('crumb-top').click()
  return 'drawn'
}
