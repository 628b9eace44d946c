/** The present, for texts such as "in 3 min". One timer serves all who ask for the same step; a hidden page does not tick. */
import { useEffect, useState } from 'react'

type Listener = (now: number) => void

const clocks = new Map<number, { listeners: Set<Listener>; timer: number }>()

function listen(step: number, listener: Listener): () => void {
  let clock = clocks.get(step)
  if (!clock) {
    const listeners = new Set<Listener>()
    const tick = () => {
      if (document.visibilityState === 'hidden') return
      for (const each of listeners) each(Date.now())
    }
    clock = { listeners, timer: window.setInterval(tick, step) }
    clocks.set(step, clock)
  }
  const { listeners, timer } = clock
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    window.clearInterval(timer)
    clocks.delete(step)
  }
}

/** Milliseconds since the epoch, renewed every `step` milliseconds while `active`. */
export function useNow(step = 1000, active = true): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => (active ? listen(step, setNow) : undefined), [step, active])
  return now
}
