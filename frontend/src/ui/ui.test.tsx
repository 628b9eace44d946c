import { fireEvent, screen } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { renderUi } from '@/test/render'
import { CodeBlock } from './code-block'
import { DataTable } from './data-table'
import { ErrorPanel } from './error-panel'
import { ApiProblem } from '@/api/problem'
import { JsonTree } from './json-tree'
import { StatusBadge } from './status-badge'

describe('StatusBadge', () => {
  it('has a word and the state itself', () => {
    renderUi(<StatusBadge status="failed" testId="s" />)
    expect(screen.getByTestId('s').textContent).toBe('Failed')
    expect(screen.getByTestId('s').dataset).toMatchObject({ status: 'failed', tone: 'error' })
  })
})

describe('JsonTree', () => {
  it('opens two levels and folds the rest', () => {
    renderUi(<JsonTree label="x" value={{ a: { b: { c: 1 } }, list: [], none: null, yes: true }} />)
    expect(screen.queryByText('c')).toBeNull()
    fireEvent.click(screen.getByRole('button', { name: /^b/ }))
    expect(screen.getByText('c')).toBeTruthy()
    expect(screen.getByText('[]')).toBeTruthy()
    expect(screen.getByText('null')).toBeTruthy()
  })
  it('shows long lists and texts a part at a time', () => {
    renderUi(<JsonTree label="x" value={[...Array.from({ length: 250 }, (_, index) => index + 1000), 'y'.repeat(1000)]} />)
    expect(screen.queryByText('1200')).toBeNull()
    fireEvent.click(screen.getByRole('button', { name: /Show 151 more/ }))
    expect(screen.getByText('1200')).toBeTruthy()
    fireEvent.click(screen.getByRole('button', { name: /all 1,000 characters/ }))
    expect(screen.getByText(`"${'y'.repeat(1000)}"`)).toBeTruthy()
  })
  it('writes text as text', () => {
    const { container } = renderUi(<JsonTree label="x" value={{ '<img src=x>': '<script>alert(1)</script>' }} />)
    expect(container.querySelector('img, script')).toBeNull()
  })
})

describe('DataTable', () => {
  const columns = [{ key: 'n', header: 'N', render: (row: { n: number }) => row.n }]
  it('shows what is empty instead of an empty table', () => {
    renderUi(<DataTable label="Numbers" columns={columns} rows={[]} rowKey={({ n }) => String(n)} empty="Nothing yet" />)
    expect(screen.queryByRole('table')).toBeNull()
    expect(screen.getByText('Nothing yet')).toBeTruthy()
  })
  it('keeps the rows there are while it loads more', () => {
    renderUi(<DataTable label="Numbers" columns={columns} rows={[{ n: 7 }]} rowKey={({ n }) => String(n)} loading />)
    expect(screen.getByRole('table', { name: 'Numbers' }).getAttribute('aria-busy')).toBe('true')
    expect(screen.getAllByRole('row')).toHaveLength(2)
  })
})

describe('ErrorPanel', () => {
  it('says what the API said, and which request it was', () => {
    renderUi(<ErrorPanel error={new ApiProblem({ status: 409, code: 'conflict', title: 'Not now', detail: 'it still runs', request_id: 'req_1' })} />)
    expect(screen.getByRole('alert').textContent).toBe('Not nowit still runsRequest req_1')
  })
})

it('CodeBlock can be reached and scrolled with the keyboard', () => {
  renderUi(<CodeBlock text="curl x" label="the command" />)
  expect(screen.getByRole('group', { name: 'the command' }).tabIndex).toBe(0)
})
