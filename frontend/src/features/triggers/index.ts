export { TriggersPage } from './triggers-page'
export { TriggerPage } from './trigger-page'
export { TriggersList } from './triggers-list'
export { triggerSummary } from './summary'
