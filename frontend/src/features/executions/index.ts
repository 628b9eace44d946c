export { ExecutionsPage } from './executions-page'
export { ExecutionPage } from './execution-page'
export { ExecutionsList } from './executions-list'
