export { pages } from './pages.mjs'
