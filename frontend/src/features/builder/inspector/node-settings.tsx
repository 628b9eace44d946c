import { NumberInput, SegmentedControl, Select, Switch, TagsInput, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { RegistryEntry } from '@/api/types'
import type { DefinitionNode } from '@/lib/definition'
import { without } from '@/lib/json-path'
import { useBuilder } from '../builder-context'
import { outputPorts } from '../graph/model'
import { idProblem } from '../model/ids'
import classes from './inspector.module.css'
import { IssueList, type OwnIssue } from './issue-list'
import { RetrySettings } from './retry-settings'

interface NodeSettingsProps {
  node: DefinitionNode
  entry: RegistryEntry | undefined
  issues: OwnIssue[]
}

/** What holds for a step of any type. A setting at its default is not written down. */
export function NodeSettings({ node, entry, issues }: NodeSettingsProps) {
  const { editor } = useBuilder()
  const set = <Name extends keyof DefinitionNode>(name: Name, value: DefinitionNode[Name] | undefined) =>
    editor.update(
      node.id,
      (each) => {
        return (value === undefined ? without(each, name) : { ...each, [name]: value }) as DefinitionNode
      },
      { label: `Edit ${node.name ?? node.id}`, key: `${name} ${node.id}` },
    )
  const problem = (name: string) => issues.find(({ rest }) => rest.startsWith(`/${name}`))?.message
  const graph = editor.graph()
  const incoming = graph.edges.filter(({ to }) => to === node.id).length
  const others = graph.nodes.filter(({ id }) => id !== node.id)
  const canBranch = entry === undefined || entry.ports.includes('error')
  const quorum = typeof node.join === 'object' ? node.join.quorum : 2
  const effect = entry?.effect !== 'pure'
  return (
    <div className={classes.settings}>
      <IssueList issues={issues.filter(({ rest }) => rest === '' || rest === '/type')} />
      <IdField node={node} taken={new Set(others.map(({ id }) => id))} />
      <div>
        <div className={classes.label}>When it fails</div>
        <SegmentedControl
          fullWidth
          size="xs"
          value={node.on_error ?? 'fail'}
          onChange={(value) => set('on_error', value === 'fail' ? undefined : (value as DefinitionNode['on_error']))}
          aria-label="When it fails"
          data={[
            { value: 'fail', label: 'Stop the workflow' },
            { value: 'branch', label: 'Go another way', disabled: !canBranch },
            { value: 'continue', label: 'Go on' },
          ]}
          data-testid="on-error"
        />
        <p className={classes.hint}>{ON_ERROR[node.on_error ?? 'fail']}</p>
        <Problem text={problem('on_error')} />
      </div>
      {effect ? <RetrySettings node={node} entry={entry} onChange={(retry) => set('retry', retry)} problem={problem('retry')} /> : null}
      <NumberInput
        label="Timeout of one attempt"
        description="Seconds; 60 when left empty"
        value={node.timeout_seconds ?? ''}
        min={0}
        suffix=" s"
        placeholder="60 s"
        error={problem('timeout_seconds')}
        onChange={(value) => set('timeout_seconds', value === '' || value === 0 ? undefined : Number(value))}
      />
      {incoming > 1 || node.join !== undefined ? (
        <div>
          <div className={classes.label}>Runs when</div>
          <SegmentedControl
            fullWidth
            size="xs"
            value={typeof node.join === 'object' ? 'quorum' : (node.join ?? 'all')}
            onChange={(value) => set('join', value === 'all' ? undefined : value === 'any' ? 'any' : { quorum })}
            aria-label="Runs when"
            data={[
              { value: 'all', label: 'all ways are in' },
              { value: 'any', label: 'the first is' },
              { value: 'quorum', label: 'some are' },
            ]}
            data-testid="join"
          />
          {typeof node.join === 'object' ? <NumberInput mt={6} aria-label="How many ways" min={1} value={quorum} error={problem('join')} onChange={(value) => set('join', { quorum: Math.max(1, Number(value) || 1) })} /> : null}
        </div>
      ) : null}
      {effect ? (
        <Select
          label="Delivery"
          value={node.delivery ?? 'at_least_once'}
          allowDeselect={false}
          onChange={(value) => set('delivery', value === 'at_most_once' ? value : undefined)}
          data={[
            { value: 'at_least_once', label: 'At least once: after a crash it is sent again' },
            { value: 'at_most_once', label: 'At most once: after a crash it is not' },
          ]}
        />
      ) : null}
      <Select
        label="Undone by"
        description="The step that takes this one back when the workflow fails later"
        placeholder="Nothing"
        clearable
        value={node.undo ?? null}
        error={problem('undo')}
        onChange={(value) => set('undo', value ?? undefined)}
        data={others.map(({ id, name }) => ({ value: id, label: name ?? id }))}
      />
      <TagsInput
        label="Sensitive fields"
        description="JSON Pointers into its input and output, such as /headers/x-token; hidden wherever they show"
        value={node.sensitive ?? []}
        error={problem('sensitive')}
        placeholder={node.sensitive?.length ? undefined : '/body/card'}
        onChange={(value) => set('sensitive', value.length > 0 ? value : undefined)}
      />
      <Switch label="Disabled: it passes on at once, with output null" checked={node.disabled ?? false} onChange={(event) => set('disabled', event.currentTarget.checked || undefined)} data-testid="disabled" />
      <Problem text={problem('disabled')} />
      <p className={classes.hint}>Ways out: {outputPorts(node, entry, []).join(', ') || 'none; it ends the workflow'}</p>
    </div>
  )
}

const ON_ERROR = {
  fail: 'The execution fails, and what runs beside it is cancelled.',
  branch: 'It leaves through the port “error”, which must be connected.',
  continue: 'Its output is null, its error can be read, and the next step runs.',
}

export function Problem({ text }: { text: string | undefined }) {
  return text ? <div className={classes.problem}>{text}</div> : null
}

/** The id changes when the field is left, so that half an id is never in the draft; expressions that name it follow. */
function IdField({ node, taken }: { node: DefinitionNode; taken: ReadonlySet<string> }) {
  const { editor } = useBuilder()
  const [text, setText] = useState(node.id)
  const problem = text === node.id ? null : idProblem(text, taken)
  const apply = () => {
    if (text !== node.id && problem === null) editor.rename(node.id, text)
    else setText(node.id)
  }
  return (
    <TextInput
      label="Id"
      description="What expressions call it; they follow a change"
      value={text}
      error={problem}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={apply}
      onKeyDown={(event) => event.key === 'Enter' && event.currentTarget.blur()}
      styles={{ input: { fontFamily: 'var(--mr-mono)', fontSize: 'var(--mr-mono-size)' } }}
      data-testid="node-id"
    />
  )
}
