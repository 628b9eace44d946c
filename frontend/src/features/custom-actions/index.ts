export { CustomActionsPage } from './custom-actions-page'
export { CustomActionPage, NewActionPage } from './custom-action-page'
