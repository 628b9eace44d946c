export { ApiKeysPage } from './api-keys-page'
export { AuditPage } from './audit-page'
export { MembersPage } from './members-page'
export { WorkspacesPage } from './workspaces-page'
