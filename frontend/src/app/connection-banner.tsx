import { IconPlugConnectedX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { healthQuery } from '@/api/queries/installation'
import classes from './shell.module.css'

/** Says that what the pages show may be old, as long as the API gives no answer. */
export function ConnectionBanner() {
  const { isError } = useQuery(healthQuery())
  if (!isError) return null
  return (
    <div className={classes.banner} role="status" data-testid="connection-banner">
      <IconPlugConnectedX size={16} aria-hidden />
      Millrace does not answer. What you see may be old; this page goes on trying.
    </div>
  )
}
