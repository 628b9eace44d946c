/** Icons that node and trigger types name in the registry. One that is not here is drawn as its kind's icon. */
import {
  IconAlertOctagon, IconApi, IconArrowsSplit2, IconBell, IconBolt, IconBraces, IconBrandDiscord, IconBrandSlack, IconBrandTeams, IconCalendar,
  IconBuildingStore, IconChartBar, IconClock, IconClockPause, IconCloud, IconCode, IconCreditCard, IconDatabase, IconDeviceMobileMessage, IconFilter, IconHierarchy2, IconHourglass, IconListDetails, IconMail,
  IconMessage, IconMessageReply, IconMessages, IconPlayerStop, IconRepeat, IconRoute2, IconSend, IconSubtask, IconThumbUp, IconTransform, IconUserCheck, IconUsers,
  IconVariable, IconWebhook, IconWorldWww, type TablerIcon,
} from '@tabler/icons-react'

const BY_NAME: Record<string, TablerIcon> = {
  'alert-octagon': IconAlertOctagon,
  api: IconApi,
  'arrows-split-2': IconArrowsSplit2,
  bell: IconBell,
  bolt: IconBolt,
  braces: IconBraces,
  'brand-discord': IconBrandDiscord,
  'brand-slack': IconBrandSlack,
  'brand-teams': IconBrandTeams,
  calendar: IconCalendar,
  'building-store': IconBuildingStore,
  'chart-bar': IconChartBar,
  clock: IconClock,
  'clock-pause': IconClockPause,
  cloud: IconCloud,
  code: IconCode,
  'credit-card': IconCreditCard,
  database: IconDatabase,
  'device-mobile-message': IconDeviceMobileMessage,
  filter: IconFilter,
  'hierarchy-2': IconHierarchy2,
  hourglass: IconHourglass,
  'list-details': IconListDetails,
  mail: IconMail,
  message: IconMessage,
  'message-reply': IconMessageReply,
  messages: IconMessages,
  'player-stop': IconPlayerStop,
  repeat: IconRepeat,
  'route-2': IconRoute2,
  send: IconSend,
  subtask: IconSubtask,
  'thumb-up': IconThumbUp,
  transform: IconTransform,
  'user-check': IconUserCheck, IconUsers,
  variable: IconVariable,
  users: IconUsers,
  webhook: IconWebhook,
  workflow: IconHierarchy2,
  'world-www': IconWorldWww,
}

const BY_KIND: Record<string, TablerIcon> = {
  trigger: IconBolt,
  action: IconWorldWww,
  notify: IconBell,
  logic: IconArrowsSplit2,
  wait: IconHourglass,
  data: IconBraces,
  'sub-workflow': IconSubtask,
  error: IconAlertOctagon,
}

/** What an action of one's own may choose from. */
export const ICON_NAMES: string[] = Object.keys(BY_NAME)

export const nodeIcon = (name: string | undefined, kind: string): TablerIcon => BY_NAME[name ?? ''] ?? BY_KIND[kind] ?? IconCode
