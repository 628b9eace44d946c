/** Every page's address. Hash history, so that static files need no server that knows the routes. Pages are loaded when they are first visited. */
import { createHashHistory, createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router'
import { bearer } from '@/api/session'
import { readAnalyticsSearch } from '@/lib/analytics-search'
import { readAuditSearch } from '@/lib/audit-search'
import { readExecutionSearch } from '@/lib/execution-search'
import { readMessageSearch } from '@/lib/message-search'
import { NotFound, RouteError, RoutePending } from './route-states'
import { Shell } from './shell'

// Searches are plain texts: `?q=123` is a text too, and a key of digits stays what it is.
const parseSearch = (search: string): Record<string, string> => Object.fromEntries(new URLSearchParams(search))
const stringifySearch = (search: Record<string, unknown>): string => {
  const given = Object.entries(search).filter(([, value]) => value !== undefined && value !== null && value !== '')
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
  return query ? `?${query}` : ''
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

const root = createRootRoute({ notFoundComponent: NotFound })

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: (search: Record<string, unknown>): { key?: string; next?: string } => ({ key: text(search.key), next: text(search.next) }),
  component: lazyRouteComponent(() => import('@/features/auth'), 'SignInPage'),
})

const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  component: Shell,
  beforeLoad: ({ location }) => {
    if (bearer() === null) throw redirect({ to: '/sign-in', search: location.href === '/' ? {} : { next: location.href } })
  },
})

const home = createRoute({ getParentRoute: () => shell, path: '/', component: lazyRouteComponent(() => import('@/features/home'), 'HomePage') })

const workflows = createRoute({
  getParentRoute: () => shell,
  path: '/workflows',
  validateSearch: (search: Record<string, unknown>): { q?: string; label?: string; new?: boolean } => ({ q: text(search.q), label: text(search.label), new: String(search.new) === 'true' || undefined }),
  component: lazyRouteComponent(() => import('@/features/workflows'), 'WorkflowsPage'),
})

const workflow = createRoute({
  getParentRoute: () => shell,
  path: '/workflows/$id',
  component: lazyRouteComponent(() => import('@/features/workflows'), 'WorkflowPage'),
})

const workflowTab = <Path extends string>(path: Path, name: 'JsonTab' | 'VersionsTab' | 'ExecutionsTab' | 'TriggersTab' | 'SettingsTab') =>
  createRoute({ getParentRoute: () => workflow, path, component: lazyRouteComponent(() => import('@/features/workflows'), name) })

const executions = createRoute({
  getParentRoute: () => shell,
  path: '/executions',
  validateSearch: readExecutionSearch,
  component: lazyRouteComponent(() => import('@/features/executions'), 'ExecutionsPage'),
})

const execution = createRoute({
  getParentRoute: () => shell,
  path: '/executions/$id',
  validateSearch: (search: Record<string, unknown>): { view?: 'graph' | 'events'; node?: string } => ({
    view: search.view === 'graph' || search.view === 'events' ? search.view : undefined,
    node: text(search.node),
  }),
  component: lazyRouteComponent(() => import('@/features/executions'), 'ExecutionPage'),
})

const analytics = createRoute({
  getParentRoute: () => shell,
  path: '/analytics',
  validateSearch: readAnalyticsSearch,
  component: lazyRouteComponent(() => import('@/features/analytics'), 'AnalyticsPage'),
})

const triggers = createRoute({
  getParentRoute: () => shell,
  path: '/triggers',
  component: lazyRouteComponent(() => import('@/features/triggers'), 'TriggersPage'),
})

const trigger = createRoute({
  getParentRoute: () => shell,
  path: '/triggers/$id',
  component: lazyRouteComponent(() => import('@/features/triggers'), 'TriggerPage'),
})

const deadLetters = createRoute({
  getParentRoute: () => shell,
  path: '/dead-letters',
  component: lazyRouteComponent(() => import('@/features/dead-letters'), 'DeadLettersPage'),
})

const nodeTypes = createRoute({
  getParentRoute: () => shell,
  path: '/node-types',
  validateSearch: (search: Record<string, unknown>): { type?: string } => ({ type: text(search.type) }),
  component: lazyRouteComponent(() => import('@/features/registry'), 'RegistryPage'),
})

const customActions = createRoute({
  getParentRoute: () => shell,
  path: '/custom-actions',
  component: lazyRouteComponent(() => import('@/features/custom-actions'), 'CustomActionsPage'),
})

const newAction = createRoute({
  getParentRoute: () => shell,
  path: '/custom-actions/new',
  component: lazyRouteComponent(() => import('@/features/custom-actions'), 'NewActionPage'),
})

const customAction = createRoute({
  getParentRoute: () => shell,
  path: '/custom-actions/$type',
  component: lazyRouteComponent(() => import('@/features/custom-actions'), 'CustomActionPage'),
})

const messages = createRoute({
  getParentRoute: () => shell,
  path: '/messages',
  validateSearch: readMessageSearch,
  component: lazyRouteComponent(() => import('@/features/messages'), 'MessagesPage'),
})

const health = createRoute({ getParentRoute: () => shell, path: '/health', component: lazyRouteComponent(() => import('@/features/health'), 'HealthPage') })

const credentials = createRoute({
  getParentRoute: () => shell,
  path: '/credentials',
  validateSearch: (search: Record<string, unknown>): { new?: boolean } => ({ new: String(search.new) === 'true' || undefined }),
  component: lazyRouteComponent(() => import('@/features/credentials'), 'CredentialsPage'),
})

const plug = createRoute({
  getParentRoute: () => shell,
  path: '/plug',
  validateSearch: (search: Record<string, unknown>): { run?: string } => ({ run: text(search.run) }),
  component: lazyRouteComponent(() => import('@/features/plug'), 'PlugPage'),
})

const apiKeys = createRoute({
  getParentRoute: () => shell,
  path: '/api-keys',
  component: lazyRouteComponent(() => import('@/features/settings'), 'ApiKeysPage'),
})

const members = createRoute({ getParentRoute: () => shell, path: '/members', component: lazyRouteComponent(() => import('@/features/settings'), 'MembersPage') })
const workspaces = createRoute({ getParentRoute: () => shell, path: '/workspaces', component: lazyRouteComponent(() => import('@/features/settings'), 'WorkspacesPage') })
const audit = createRoute({ getParentRoute: () => shell, path: '/audit', validateSearch: readAuditSearch, component: lazyRouteComponent(() => import('@/features/settings'), 'AuditPage') })

const canvas = createRoute({
  getParentRoute: () => workflow,
  path: '/',
  validateSearch: (search: Record<string, unknown>): { run?: string; step?: string } => ({ run: text(search.run), step: text(search.step) }),
  component: lazyRouteComponent(() => import('@/features/workflows'), 'CanvasTab'),
})

const tabs = [
  canvas,
  workflowTab('/json', 'JsonTab'),
  workflowTab('/versions', 'VersionsTab'),
  workflowTab('/executions', 'ExecutionsTab'),
  workflowTab('/triggers', 'TriggersTab'),
  workflowTab('/settings', 'SettingsTab'),
] as const

const routeTree = root.addChildren([
  signIn,
  shell.addChildren([home, workflows, workflow.addChildren(tabs), executions, execution, analytics, triggers, trigger, messages, deadLetters, health, credentials, customActions, newAction, customAction, nodeTypes, apiKeys, members, workspaces, audit, plug]),
])

export const router = createRouter({
  routeTree,
  history: createHashHistory(),
  parseSearch,
  stringifySearch,
  defaultErrorComponent: RouteError,
  defaultPendingComponent: RoutePending,
  defaultNotFoundComponent: NotFound,
  defaultPendingMs: 200,
  defaultPreload: 'intent',
  scrollRestoration: true,
  scrollToTopSelectors: ['#main'],
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
