export { HealthPage } from './health-page'
export { HealthPanel } from './health-panel'
