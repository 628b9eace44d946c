import { Button, Checkbox, PasswordInput } from '@mantine/core'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useCallback, useEffect, useRef, useState } from 'react'
import { asProblem, type ApiProblem } from '@/api/problem'
import { whoIs } from '@/api/queries/installation'
import { signIn, useSession } from '@/api/session'
import { readStored, writeStored } from '@/lib/storage'
import { useDocumentTitle } from '@/lib/use-document-title'
import { ErrorPanel } from '@/ui/error-panel'
import { Loading } from '@/ui/loading'
import { Logo } from '@/ui/logo'
import classes from './sign-in.module.css'

const route = getRouteApi('/sign-in')
const REMEMBER = 'millrace.remember'

/** On the machine itself the key lies in the data folder anyhow; elsewhere it is kept only for this tab unless asked. */
const isLoopback = (): boolean => /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(window.location.hostname)

const remembered = (): boolean => {
  const choice = readStored('local', REMEMBER)
  return choice === null ? isLoopback() : choice === 'yes'
}

export function SignInPage() {
  useDocumentTitle('Sign in')
  const { key: linked, next } = route.useSearch()
  const { ended } = useSession()
  const navigate = useNavigate()
  const [key, setKey] = useState('')
  const [remember, setRemember] = useState(remembered)
  const [problem, setProblem] = useState<ApiProblem | null>(null)
  const [busy, setBusy] = useState(false)
  const tried = useRef<string | null>(null)

  const enter = useCallback(
    async (candidate: string, keep: boolean) => {
      setBusy(true)
      setProblem(null)
      try {
        await whoIs(candidate)
        writeStored('local', REMEMBER, keep ? 'yes' : 'no')
        signIn(candidate, keep)
        await navigate({ href: next?.startsWith('/') ? next : '/', replace: true })
      } catch (error) {
        setProblem(asProblem(error))
        setBusy(false)
      }
    },
    [navigate, next],
  )

  useEffect(() => {
    if (!linked || tried.current === linked) return
    tried.current = linked
    // The key leaves the address at once, so that it stays in no history, bookmark or shared screen.
    void navigate({ to: '/sign-in', search: next ? { next } : {}, replace: true }).then(() => enter(linked, remembered()))
  }, [linked, next, navigate, enter])

  if (linked || (busy && key === '')) return <Entering />
  return (
    <main className={classes.page}>
      <form
        className={`mr-card ${classes.card}`}
        onSubmit={(event) => {
          event.preventDefault()
          void enter(key.trim(), remember)
        }}
      >
        <Logo size={36} />
        <div>
          <h1 className={classes.title}>Sign in to Millrace</h1>
          <p className={classes.about}>
            With an API key. <code>./run</code> prints a link that signs you in, and keeps the first key in <code>run.json</code> of its data folder.
          </p>
        </div>
        {problem ? <ErrorPanel error={problem} /> : null}
        {!problem && ended === 'refused' ? <p role="status">Your key is no longer accepted; it may have been revoked, or have run out.</p> : null}
        <PasswordInput
          label="API key"
          placeholder="mr_…"
          value={key}
          onChange={(event) => setKey(event.currentTarget.value)}
          autoComplete="off"
          autoFocus
          required
          withAsterisk={false}
          data-testid="api-key"
        />
        <Checkbox
          size="sm"
          label="Stay signed in on this browser"
          description="Otherwise until this tab is closed."
          checked={remember}
          onChange={(event) => setRemember(event.currentTarget.checked)}
        />
        <Button type="submit" loading={busy} disabled={key.trim() === ''} fullWidth data-testid="sign-in">
          Sign in
        </Button>
      </form>
    </main>
  )
}

function Entering() {
  return (
    <main className={classes.page} aria-busy>
      <h1 className="mr-visually-hidden">Signing in</h1>
      <Loading label="Signing in" />
    </main>
  )
}
