import { Loader } from '@mantine/core'

/** Where something is on its way. */
export function Loading({ label = 'Loading' }: { label?: string }) {
  return (
    <div style={{ display: 'flex', flex: 1, padding: 32 }} role="status" data-loading>
      <Loader size="sm" m="auto" aria-hidden />
      <span className="mr-visually-hidden">{label}</span>
    </div>
  )
}
