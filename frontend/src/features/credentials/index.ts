export { CredentialSelect } from './credential-select'
export { CredentialsPage } from './credentials-page'
