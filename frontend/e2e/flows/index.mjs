export { session } from './session.mjs'
export { workflows } from './workflows.mjs'
export { running } from './running.mjs'
export { pages } from './pages.mjs'
