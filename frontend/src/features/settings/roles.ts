import type { Role } from '@/api/types'

export const ROLES: { value: Role; label: string }[] = [
  { value: 'viewer', label: 'Viewer: reads everything' },
  { value: 'operator', label: 'Operator: also runs, cancels and replays' },
  { value: 'editor', label: 'Editor: also changes workflows and triggers' },
  { value: 'admin', label: 'Admin: also manages keys and members' },
]
