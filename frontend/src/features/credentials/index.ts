export { CredentialSelect, CredentialsSelect } from './credential-select'
export { CredentialsPage } from './credentials-page'
