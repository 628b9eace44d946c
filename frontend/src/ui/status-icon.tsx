import {
  IconAlertTriangleFilled,
  IconArrowRampRight,
  IconBan,
  IconCircleCheckFilled,
  IconCircleDashed,
  IconCircleXFilled,
  IconClockHour4,
  IconCopy,
  IconEqual,
  IconLoader2,
  IconPencil,
  IconPlus,
  IconPower,
  IconRefresh,
  IconSend,
  type TablerIcon,
} from '@tabler/icons-react'
import { toneOf } from '@/lib/status'
import classes from './status.module.css'

const ICONS: Record<string, TablerIcon> = {
  queued: IconCircleDashed,
  running: IconLoader2,
  waiting: IconClockHour4,
  pending: IconCircleDashed,
  succeeded: IconCircleCheckFilled,
  ok: IconCircleCheckFilled,
  active: IconCircleCheckFilled,
  live: IconCircleCheckFilled,
  fired: IconCircleCheckFilled,
  started: IconCircleCheckFilled,
  healthy: IconCircleCheckFilled,
  delivered: IconCircleCheckFilled,
  accepted: IconSend,
  unknown: IconAlertTriangleFilled,
  new: IconPlus,
  created: IconPlus,
  updated: IconRefresh,
  unchanged: IconEqual,
  duplicate: IconCopy,
  debounced: IconClockHour4,
  refused: IconCircleXFilled,
  replayed: IconCircleCheckFilled,
  failed: IconCircleXFilled,
  down: IconCircleXFilled,
  unhealthy: IconCircleXFilled,
  degraded: IconAlertTriangleFilled,
  late: IconAlertTriangleFilled,
  cancelled: IconBan,
  revoked: IconBan,
  skipped: IconArrowRampRight,
  draft: IconPencil,
}

/** A status as a picture. Decorative: the word always stands beside it, or is given as `label`. */
export function StatusIcon({ status, size = 14, label }: { status: string; size?: number; label?: string }) {
  const Icon = ICONS[status] ?? IconPower
  const named = label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': true }
  return <Icon size={size} stroke={2} className={classes.icon} data-tone={toneOf(status)} data-spin={status === 'running'} {...named} />
}
