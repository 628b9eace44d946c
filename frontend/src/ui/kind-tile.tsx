import { nodeIcon } from './icons/node-icons'
import classes from './kind-tile.module.css'

/** The icon of a node type on its kind's tint. Decorative. */
export function KindTile({ icon, kind, size = 32 }: { icon?: string; kind: string; size?: number }) {
  const Icon = nodeIcon(icon, kind)
  const style = { '--kind': `var(--mr-kind-${kind}, var(--mr-kind-action))`, width: size, height: size } as React.CSSProperties
  return (
    <span className={classes.tile} style={style} data-kind={kind} aria-hidden>
      <Icon size={Math.round(size * 0.56)} stroke={1.75} />
    </span>
  )
}
