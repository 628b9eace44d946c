/** Keys that work everywhere but in fields: `g` and a letter go places, `?` shows them all. */
import { useNavigate } from '@tanstack/react-router'
import { useEffect } from 'react'
import { NAV } from './nav-items'

const PAUSE = 1200

export const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))

export function useShortcuts(showSheet: () => void): void {
  const navigate = useNavigate()
  useEffect(() => {
    let leading = 0
    const onKey = (event: KeyboardEvent) => {
      if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target) || document.querySelector('[role="dialog"]')) return
      if (event.key === '?') return showSheet()
      const key = event.key.toLowerCase()
      if (key === 'g') {
        leading = Date.now()
        return
      }
      const place = Date.now() - leading < PAUSE ? NAV.flat().find((item) => item.key === key) : undefined
      leading = 0
      if (!place) return
      event.preventDefault()
      void navigate({ to: place.to })
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [navigate, showSheet])
}
