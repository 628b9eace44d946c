import { useDebouncedValue } from '@mantine/hooks'
import { useEffect, useMemo, useState } from 'react'
import classes from './preview.module.css'
import type { Asked, Told } from './preview.worker'
import { valuesOf, type ExpressionScope } from './scope'

const PATIENCE = 1_500

let worker: Worker | null = null
let count = 0
const waiting = new Map<number, (outcome: Told['outcome']) => void>()

function workerNow(): Worker {
  if (worker) return worker
  const made = new Worker(new URL('./preview.worker.ts', import.meta.url), { type: 'module' })
  made.onmessage = ({ data }: MessageEvent<Told>) => {
    waiting.get(data.id)?.(data.outcome)
    waiting.delete(data.id)
  }
  worker = made
  return made
}

function ask(question: Omit<Asked, 'id'>): Promise<Told['outcome']> {
  const id = ++count
  return new Promise((resolve) => {
    const timer = window.setTimeout(() => {
      // What does not end is ended; the next question gets a new worker.
      worker?.terminate()
      worker = null
      waiting.delete(id)
      resolve({ kind: 'wrong', message: 'This takes too long to be tried here.' })
    }, PATIENCE)
    waiting.set(id, (outcome) => {
      window.clearTimeout(timer)
      resolve(outcome)
    })
    workerNow().postMessage({ id, ...question })
  })
}

const LONGEST = 600

/** What an expression gives with the data at hand: grey while there is none, red only when it is wrong. */
export function Preview({ text, language, scope }: { text: string; language: 'cel' | 'template'; scope: ExpressionScope }) {
  const [settled] = useDebouncedValue(text, 200)
  const values = useMemo(() => valuesOf(scope), [scope])
  const [outcome, setOutcome] = useState<Told['outcome'] | null>(null)
  const asks = settled.trim() !== '' && (language === 'cel' || settled.includes('{{'))
  useEffect(() => {
    let current = true
    if (asks) void ask({ text: settled, language, values }).then((told) => current && setOutcome(told))
    else setOutcome(null)
    return () => {
      current = false
    }
  }, [asks, settled, language, values])
  if (outcome === null || !asks) return null
  if (outcome.kind === 'value') {
    return (
      <div className={classes.preview} data-kind="value" data-testid="preview">
        = {outcome.json.length > LONGEST ? `${outcome.json.slice(0, LONGEST)}…` : outcome.json}
      </div>
    )
  }
  return (
    <div className={classes.preview} data-kind={outcome.kind} data-testid="preview">
      {outcome.kind === 'unknown' ? `No data of ${outcome.names.join(', ')} yet; run the draft, or pin some` : outcome.message}
    </div>
  )
}
