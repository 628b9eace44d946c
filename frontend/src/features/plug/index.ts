export { PlugPage } from './plug-page'
