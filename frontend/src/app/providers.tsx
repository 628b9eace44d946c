import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { makeQueryClient } from '@/api/query-client'
import { useSession } from '@/api/session'
import { ConfirmHost } from '@/ui/confirm'
import { router } from './router'
import { cssVariables, theme } from './theme'

const queryClient = makeQueryClient()
// The name that public/theme.js reads before the first paint.
const colorScheme = localStorageColorSchemeManager({ key: 'millrace.color-scheme' })

export function Providers() {
  return (
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto" colorSchemeManager={colorScheme}>
      <QueryClientProvider client={queryClient}>
        <Notifications position="bottom-right" limit={4} />
        <SessionWatch />
        <RouterProvider router={router} />
        <ConfirmHost />
      </QueryClientProvider>
    </MantineProvider>
  )
}

/** Another key, or another workspace, sees other data: on every change what was read is forgotten and the routes decide anew. */
function SessionWatch() {
  const { key, workspace } = useSession()
  const seen = `${key} ${workspace}`
  const before = useRef(seen)
  useEffect(() => {
    if (before.current === seen) return
    before.current = seen
    queryClient.clear()
    void router.invalidate()
  }, [seen])
  return null
}
