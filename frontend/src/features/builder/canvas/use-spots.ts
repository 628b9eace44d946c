import { useEffect, useMemo, useState } from 'react'
import { arranged, givenPlaces, type Places } from '../graph/layout'
import type { Drawing } from '../graph/model'

/** Where everything is drawn: the places people gave, else those the layouter finds. Null until it has found them. */
export function useSpots(drawing: Drawing): { spots: Places | null; error: unknown } {
  const given = useMemo(() => givenPlaces(drawing), [drawing])
  const shape = given ? '' : JSON.stringify([drawing.nodes.map(({ id, height, ports }) => [id, height, ports]), drawing.edges])
  const [found, setFound] = useState<{ shape: string; places: Places | null; error: unknown }>({ shape: '', places: null, error: null })
  useEffect(() => {
    if (shape === '') return undefined
    let current = true
    arranged(drawing).then(
      (places) => current && setFound({ shape, places, error: null }),
      (error: unknown) => current && setFound({ shape, places: null, error }),
    )
    return () => {
      current = false
    }
    // `shape` stands for what of the drawing matters here.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [shape])
  if (given) return { spots: given, error: null }
  // While a changed definition is laid out, the places of before serve if they name every node.
  const usable = found.places !== null && drawing.nodes.every(({ id }) => found.places?.[id])
  return usable ? { spots: found.places, error: null } : { spots: null, error: found.shape === shape ? found.error : null }
}
