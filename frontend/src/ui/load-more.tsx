import { Button } from '@mantine/core'

interface Paged {
  hasNextPage: boolean
  isFetchingNextPage: boolean
  fetchNextPage: () => Promise<unknown>
}

/** The next page of a list, when there is one. */
export function LoadMore({ query }: { query: Paged }) {
  if (!query.hasNextPage) return null
  return (
    <div style={{ display: 'flex', justifyContent: 'center', padding: 8, borderTop: '1px solid var(--mr-line)' }}>
      <Button variant="subtle" color="gray" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
        Load more
      </Button>
    </div>
  )
}
