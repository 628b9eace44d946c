import { Button } from '@mantine/core'
import { IconArrowRight } from '@tabler/icons-react'
import { useMemo } from 'react'
import type { Issue, RegistryEntry } from '@/api/types'
import { expressionCompletion } from '@/features/expression'
import { SchemaForm, type FormHelp, type FormState, type Memory } from '@/features/forms'
import type { DefinitionNode } from '@/lib/definition'
import { without } from '@/lib/json-path'
import { plural } from '@/lib/text'
import { JsonView } from '@/ui/json-view'
import { useBuilder, useUi } from '../builder-context'
import { renamePort, updateNode } from '../model/edit'
import { scopeFor } from './expression-scope'
import { useFieldHelp } from './field-help'
import classes from './inspector.module.css'
import { IssueList, type OwnIssue } from './issue-list'

const CONFIG = '/config'

/** The step's config as a form drawn from its type's schema. */
export function ConfigForm({ node, entry, issues }: { node: DefinitionNode; entry: RegistryEntry | undefined; issues: OwnIssue[] }) {
  const { editor, definition, registry, run } = useBuilder()
  const scope = useUi((state) => state.scope)
  const names = useMemo(() => scopeFor(definition, scope, node.id, registry, run), [definition, scope, node.id, registry, run])
  const help = useFieldHelp()
  const complete = useMemo((): FormHelp['complete'] => {
    const now = () => scopeFor(editor.definition(), editor.ui.getState().scope, node.id, registry, run)
    return { cel: expressionCompletion(now, 'cel', help.functions), template: expressionCompletion(now, 'template', help.functions) }
  }, [editor, node.id, registry, run, help.functions])
  if (!entry) {
    return (
      <>
        <IssueList issues={issues} />
        <JsonView title="Config" value={node.config ?? {}} />
      </>
    )
  }
  const config = node.config ?? {}
  const state: FormState = { value: config, memory: (node.ui?.fields as Memory | undefined) ?? {} }
  const problems = Object.fromEntries(issues.filter(({ rest, severity }) => rest.startsWith(CONFIG) && severity === 'error').map(({ rest, message }) => [rest.slice(CONFIG.length), message]))
  const change = (next: FormState, path: readonly (string | number)[]) => {
    const fields = Object.keys(next.memory).length > 0 ? { fields: next.memory } : {}
    const ui = without(node.ui ?? {}, 'fields')
    const renamed = renamedCase(config, next.value)
    editor.changeGraph(
      (graph) => {
        const changed = updateNode(graph, node.id, (each) => ({ ...each, config: next.value, ...(node.ui || next.memory !== state.memory ? { ui: { ...ui, ...fields } } : {}) }))
        return renamed ? renamePort(changed, node.id, renamed.before, renamed.after) : changed
      },
      { label: `Edit ${node.name ?? node.id}`, key: `config ${node.id} ${path.join('/')}` },
    )
  }
  return (
    <>
      <IssueList issues={issues.filter(({ rest }) => !covered(rest, entry))} />
      <SchemaForm
        schema={entry.config_schema}
        state={state}
        problems={problems}
        onChange={change}
        complete={complete}
        preview={(text, language) => help.preview(text, language, names)}
        credentialField={help.credentialField}
        credentialsField={help.credentialsField}
        workflowField={help.workflowField}
        graphField={(path) => <BodyButton node={node} path={path} />}
      />
      <p className={classes.about}>{entry.description}</p>
    </>
  )
}

/** Whether a problem shows at its field. */
const covered = (rest: string, entry: RegistryEntry): boolean => {
  const name = /^\/config\/([^/]+)/.exec(rest)?.[1]
  return name !== undefined && typeof entry.config_schema.properties === 'object' && entry.config_schema.properties !== null && name in entry.config_schema.properties
}

/** A switch's case that only changed its name takes its edge along. */
function renamedCase(before: Record<string, unknown>, after: Record<string, unknown>): { before: string; after: string } | null {
  const one = Array.isArray(before.cases) ? (before.cases as { name?: unknown }[]) : []
  const two = Array.isArray(after.cases) ? (after.cases as { name?: unknown }[]) : []
  if (one.length !== two.length) return null
  const changed = one.flatMap((each, index) => (each.name !== two[index]?.name ? [[each.name, two[index]?.name] as const] : []))
  const [pair] = changed
  return changed.length === 1 && typeof pair?.[0] === 'string' && typeof pair[1] === 'string' ? { before: pair[0], after: pair[1] } : null
}

function BodyButton({ node, path }: { node: DefinitionNode; path: readonly (string | number)[] }) {
  const { editor } = useBuilder()
  const body = node.config?.[path[0] ?? 'body'] as { nodes?: unknown[] } | undefined
  const count = Array.isArray(body?.nodes) ? body.nodes.length : 0
  return (
    <Button variant="default" fullWidth justify="space-between" rightSection={<IconArrowRight size={15} />} onClick={() => editor.enter([...editor.ui.getState().scope, node.id])} data-testid="enter-body">
      {count === 0 ? 'Draw the steps inside' : `Edit the ${plural(count, 'step')} inside`}
    </Button>
  )
}

export type { Issue }
