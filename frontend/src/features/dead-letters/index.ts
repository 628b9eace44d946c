export { DeadLettersPage } from './dead-letters-page'
