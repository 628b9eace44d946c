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
export type MoveOutcome = Schemas['MoveOutcome']
export type MoveAnswer = Schemas['MoveAnswer']
export type Version = Omit<Schemas['Version'], 'definition'> & { definition: Definition }

export interface RunError {
  code: string
  message: string
  node_id?: string
  class?: string
  /** What was taken back when the execution failed, the last first. */
  undo?: Undone[]
}

export interface Undone {
  node_id: string
  undoes: string
  iteration?: string
  status: string
  error?: { code: string; message: string }
}

export interface TriggerContext {
  type: string
  id?: string | null
  [key: string]: unknown
}

type Narrowed<T> = Omit<T, 'trigger' | 'error' | 'nodes'> & { trigger: TriggerContext; error: RunError | null }

/** `left_out`: its input and output are too large for the execution, and are read by themselves. */
export type NodeRun = Omit<Schemas['NodeRun'], 'error'> & { error: RunError | null; wake_at?: string | null; left_out?: unknown }
export type ExecutionSummary = Narrowed<Schemas['ExecutionSummary']>
export type Execution = Narrowed<Schemas['Execution']> & { nodes: NodeRun[] }
export type ExecutionEvent = Schemas['Event'] & { node_id?: string; iteration?: string | null }
export type Started = Schemas['Started']

/** What only Kafka triggers have: `lag` is null where the broker did not say. */
export type Trigger = Schemas['Trigger'] & { skipped_records?: number; paused_at?: string | null; lag?: number | null }
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
  /** Of the workspace's own. */
  custom?: boolean
  version?: number
}

export interface CaughtRequest {
  method?: string
  path?: string
  headers?: Record<string, unknown>
  query?: Record<string, unknown>
  body?: unknown
}
export type TriggerDelivery = Schemas['TriggerDelivery'] & { request?: CaughtRequest }
export type DeliveryOutcome = TriggerDelivery['outcome']
export type TriggerTest = Schemas['TriggerTest'] & { url?: string }
export type HealthChange = Schemas['HealthChange']

/** How a workspace's own node type is written; see docs/custom-actions.md. */
export interface ActionDocument {
  type: string
  title: string
  description?: string
  documentation?: string
  icon?: string
  config_schema?: JsonSchema
  output_schema?: JsonSchema
  http?: Record<string, unknown>
  function?: { language: 'python' | 'javascript'; source: string }
  output?: unknown
  retry?: Record<string, unknown>
  example?: Record<string, unknown>
}
export type CustomAction = RegistryEntry & { custom: true; version: number; documentation: string; document: ActionDocument; created_at: string; updated_at: string }
export type ActionVersion = Omit<Schemas['ActionVersion'], 'document'> & { document: ActionDocument }
export type ImportedAction = Schemas['ImportedAction']

export type Message = Omit<Schemas['MessageDelivery'], 'tried'> & { tried: Record<string, unknown>[] }
export type Provider = Schemas['Provider']

export type TriggerPreset = Schemas['Preset']
export type PresetCreate = Schemas['PresetCreate']
export type TriggerTypeEntry = RegistryEntry & { presets: TriggerPreset[] }

export type Check = Schemas['Check']
export type Health = Schemas['Health']
export type ApiKey = Schemas['ApiKey']
export type ApiKeyCreate = Schemas['ApiKeyCreate']
export type ApiKeyCreated = Schemas['ApiKeyCreated']
export type Role = NonNullable<ApiKeyCreate['role']>
export type Me = Schemas['Me']
export type Member = Schemas['Member']
export type Workspace = Schemas['Workspace']
export type AuditEntry = Schemas['AuditEntry']
export type AuditCheck = Schemas['AuditCheck']

export interface Page<T> {
  items: T[]
  next_cursor: string | null
}

export type ExpressionFunction = Schemas['ExpressionFunction']
export type Credential = Schemas['Credential']
export type CredentialDetail = Schemas['CredentialDetail']
export type CredentialType = Schemas['CredentialType']
export type CredentialTested = Schemas['CredentialTested']
