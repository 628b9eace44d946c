/** A small bar chart without axes, in its tone's colour. Decorative: the number beside it says what matters. */
export function Sparkline({ values, width = 96, height = 26 }: { values: number[]; width?: number; height?: number }) {
  const most = Math.max(...values, 1)
  const step = width / values.length
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden focusable={false}>
      {values.map((value, index) => {
        const tall = value === 0 ? 1.5 : Math.max(3, (value / most) * height)
        const fill = value === 0 ? 'var(--mr-line)' : 'var(--tone)'
        return <rect key={index} x={index * step} y={height - tall} width={Math.max(1, step - 1.5)} height={tall} rx={1} fill={fill} />
      })}
    </svg>
  )
}
