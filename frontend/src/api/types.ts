/**
 * The API's shapes by name. `schema.d.ts` is made from the API's own OpenAPI document and is the single source; what stands here only narrows where
 * the document says "an object".
 */
import type { Definition } from '@/lib/definition'
import type { components } from './schema'

type Schemas = components['schemas']

export type Problem = Schemas['Problem']
export type FieldProblem = NonNullable<Problem['errors']>[number]

export type Issue = Schemas['Issue']
export type WorkflowSummary = Schemas['WorkflowSummary']
export type Workflow = Omit<Schemas['Workflow'], 'definition'> & { definition: Definition }
export type WorkflowCreate = Omit<Schemas['WorkflowCreate'], 'definition'> & { definition: Definition }
export type Validation = Schemas['Validation']
export type VersionSummary = Schemas['VersionSummary']
export type Version = Omit<Schemas['Version'], 'definition'> & { definition: Definition }

export interface RunError {
  code: string
  message: string
  node_id?: string
  class?: string
}

export interface TriggerContext {
  type: string
  id?: string | null
  [key: string]: unknown
}

type Narrowed<T> = Omit<T, 'trigger' | 'error' | 'nodes'> & { trigger: TriggerContext; error: RunError | null }

export type NodeRun = Omit<Schemas['NodeRun'], 'error'> & { error: RunError | null; wake_at?: string | null }
export type ExecutionSummary = Narrowed<Schemas['ExecutionSummary']>
export type Execution = Narrowed<Schemas['Execution']> & { nodes: NodeRun[] }
export type ExecutionEvent = Schemas['Event'] & { node_id?: string; iteration?: string | null }
export type Started = Schemas['Started']

export type Trigger = Schemas['Trigger'] & { skipped_records?: number }
export type TriggerType = Trigger['type']
export type TriggerCreate = Schemas['TriggerCreate']
export type Occurrence = Schemas['Occurrence']
export type Occurrences = Schemas['Occurrences']
export type DeadLetter = Schemas['DeadLetter'] & { timestamp?: string | null; record_bytes?: number }

export type JsonSchema = Record<string, unknown>
export type RegistryEntry = Omit<Schemas['RegistryEntry'], 'retry'> & {
  retry: Record<string, unknown> | null
  example?: Record<string, unknown>
  input_example?: unknown
}

export type Check = Schemas['Check']
export type Health = Schemas['Health']
export type ApiKey = Schemas['ApiKey']
export type ApiKeyCreate = Schemas['ApiKeyCreate']
export type ApiKeyCreated = Schemas['ApiKeyCreated']
export type Role = NonNullable<ApiKeyCreate['role']>
export type Me = Schemas['Me']

export interface Page<T> {
  items: T[]
  next_cursor: string | null
}

export type ExpressionFunction = Schemas['ExpressionFunction']
export type Credential = Schemas['Credential']
export type CredentialDetail = Schemas['CredentialDetail']
export type CredentialType = Schemas['CredentialType']
export type CredentialTested = Schemas['CredentialTested']
