import { screen } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { useState } from 'react'
import { expect, it } from 'vitest'
import { renderUi } from '@/test/render'
import { SearchInput } from './search-input'

function Host() {
  const [value, setValue] = useState('')
  return (
    <>
      <SearchInput aria-label="Find" value={value} onChange={setValue} />
      <output>{value}</output>
      <button onClick={() => setValue('')}>Clear</button>
    </>
  )
}

it('tells what was typed, keeps the focus, and follows a change from elsewhere', async () => {
  const user = userEvent.setup()
  renderUi(<Host />)
  const field = screen.getByLabelText<HTMLInputElement>('Find')
  await user.type(field, 'two words ')
  expect(await screen.findByText('two words', { selector: 'output' })).toBeTruthy()
  expect(document.activeElement).toBe(field)
  expect(field.value).toBe('two words ')
  await user.click(screen.getByText('Clear'))
  expect(field.value).toBe('')
})
