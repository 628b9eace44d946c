/** Names and values. Values are bare expressions where the schema says so, else texts that may hold expressions. */
import { ActionIcon, Button, TextInput, UnstyledButton } from '@mantine/core'
import { IconPlus, IconX } from '@tabler/icons-react'
import { useState } from 'react'
import { readJson } from '@/lib/json-source'
import { single, type Schema } from '@/lib/schema'
import { CodeEditor } from '@/ui/code-editor'
import type { WidgetProps } from '.'
import { useForm } from '../form-context'
import classes from '../forms.module.css'

interface Row {
  name: string
  value: unknown
}

const rowsOf = (value: unknown): Row[] => (typeof value === 'object' && value !== null ? Object.entries(value).map(([name, inner]) => ({ name, value: inner as unknown })) : [])

/** Rows as an object; those without a name, and a name's second use, are not in it yet. */
function objectOf(rows: readonly Row[]): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  for (const { name, value } of rows) if (name !== '' && !(name in object)) object[name] = value
  return object
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value))

/** What was not a text stays what it is as long as it reads as JSON. */
function valueFrom(text: string, before: unknown): unknown {
  if (typeof before === 'string' || before === undefined) return text
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** What a text that reads as a number, a boolean, a list or an object is taken for, and the other way to take it. */
function Taken({ row, onChange }: { row: Row; onChange: (value: unknown) => void }) {
  const read = typeof row.value === 'string' ? readJson(row.value.trim()) : null
  const other = read?.ok && typeof read.value !== 'string' ? read.value : undefined
  if (typeof row.value === 'string' && other === undefined) return null
  return (
    <div className={classes.help}>
      {typeof row.value === 'string' ? 'A text. ' : `${kindWords(row.value)}. `}
      <UnstyledButton className={classes.link} onClick={() => onChange(other === undefined ? JSON.stringify(row.value) : other)} data-testid="take-as">
        {other === undefined ? 'Take it as text' : `Take it as ${kindWords(other).toLowerCase()}`}
      </UnstyledButton>
    </div>
  )
}

const kindWords = (value: unknown): string => (value === null ? 'Null' : Array.isArray(value) ? 'A list' : typeof value === 'object' ? 'An object' : typeof value === 'number' ? 'A number' : 'A boolean')

export function EntriesField(props: WidgetProps) {
  const { change, complete, preview, root, readOnly, problemAt } = useForm()
  const { path, value, label } = props
  const [pending, setPending] = useState<Row[] | null>(null)
  const known = rowsOf(value)
  // Rows that cannot be in the object yet live here until they can; whatever changes elsewhere wins.
  const rows = pending && JSON.stringify(objectOf(pending)) === JSON.stringify(objectOf(known)) ? pending : known
  const rest = props.schema.additionalProperties
  const inner = typeof rest === 'object' && rest !== null ? single(rest as Schema, root) : {}
  const language = inner.format === 'cel' ? 'cel' : 'template'
  const set = (next: Row[]) => {
    setPending(next)
    const object = objectOf(next)
    change(path, Object.keys(object).length === 0 && !props.required ? undefined : object)
  }
  const replace = (index: number, row: Row) => set(rows.map((each, at) => (at === index ? row : each)))
  const twice = (index: number) => rows.findIndex(({ name }) => name === rows[index]?.name) !== index && rows[index]?.name !== ''
  return (
    <div className={classes.rows} role="group" aria-label={label}>
      {rows.map((row, index) => {
        const words = row.name || `row ${index + 1}`
        const problem = twice(index) ? 'This name is used above' : problemAt([...path, row.name])
        return (
          <div key={index}>
            <div className={classes.row}>
              <TextInput aria-label={`${label}: name of ${words}`} placeholder="name" value={row.name} readOnly={readOnly} error={twice(index)} onChange={(event) => replace(index, { ...row, name: event.currentTarget.value })} />
              <CodeEditor
                language={language}
                label={`${label}: ${words}`}
                value={textOf(row.value)}
                completion={complete?.[language]}
                placeholder={language === 'cel' ? 'expression' : 'value'}
                maxHeight={140}
                invalid={problem !== undefined}
                onChange={(text) => replace(index, { ...row, value: language === 'cel' ? text : valueFrom(text, row.value) })}
                testId={`entry-${path.join('.')}-${index}`}
              />
              {readOnly ? null : (
                <ActionIcon aria-label={`Remove ${words}`} size={26} mt={4} onClick={() => set(rows.filter((_, at) => at !== index))}>
                  <IconX size={14} />
                </ActionIcon>
              )}
            </div>
            {problem ? <div className={classes.problem}>{problem}</div> : null}
            {readOnly || language === 'cel' || inner.type === 'string' ? null : <Taken row={row} onChange={(value) => replace(index, { ...row, value })} />}
            {preview && typeof row.value === 'string' ? preview(row.value, language) : null}
          </div>
        )
      })}
      {readOnly ? null : (
        <Button variant="subtle" color="gray" size="compact-sm" style={{ alignSelf: 'flex-start' }} leftSection={<IconPlus size={14} />} onClick={() => setPending([...rows, { name: '', value: '' }])} id={rows.length === 0 ? props.id : undefined} data-testid={`add-entry-${path.join('.')}`}>
          Add {rows.length === 0 ? 'one' : 'another'}
        </Button>
      )}
    </div>
  )
}
