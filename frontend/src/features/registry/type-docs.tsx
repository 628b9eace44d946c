import type { RegistryEntry } from '@/api/types'
import { prettyJson } from '@/lib/json-source'
import { CodeBlock } from '@/ui/code-block'
import { DataTable } from '@/ui/data-table'
import { JsonView } from '@/ui/json-view'
import { KindTile } from '@/ui/kind-tile'
import classes from './registry-page.module.css'
import { fieldsOfSchema, type SchemaField } from './schema-fields'

/** Everything the registry says of a type, with a step to copy. */
export function TypeDocs({ entry }: { entry: RegistryEntry }) {
  const isTrigger = entry.kind === 'trigger'
  const step = isTrigger ? { type: entry.type, config: entry.example ?? {} } : { id: entry.type.replace(/[^a-z0-9]+/g, '_'), type: entry.type, config: entry.example ?? {} }
  const hasOutput = Object.keys(entry.output_schema).length > 0
  return (
    <article className={`mr-card ${classes.docs}`} data-testid="type-docs">
      <header className={classes.head}>
        <KindTile icon={entry.icon} kind={entry.kind} size={40} />
        <div>
          <h2 className={classes.title}>{entry.title}</h2>
          <code className="mr-dim">{entry.type}</code>
        </div>
      </header>
      <p className={classes.about}>{entry.description}</p>
      {isTrigger ? null : (
        <div className={classes.facts}>
          <span className="mr-chip">{entry.effect === 'effect' ? 'Has effects: committed before what follows' : 'Pure: costs no commit of its own'}</span>
          {entry.ports.map((port) => (
            <span key={port} className="mr-chip">
              port {port}
            </span>
          ))}
        </div>
      )}
      <h3 className={classes.subtitle}>Config</h3>
      <div className={classes.table}>
        <DataTable<SchemaField>
          label="Config fields"
          wrap
          rows={fieldsOfSchema(entry.config_schema)}
          rowKey={({ name }) => name}
          empty={<p className={classes.none}>It takes no config.</p>}
          columns={[
            {
              key: 'name',
              header: 'Field',
              width: '24%',
              render: ({ name, required }) => (
                <>
                  <code>{name}</code>
                  {required ? <span className={classes.required}> required</span> : null}
                </>
              ),
            },
            { key: 'type', header: 'Type', width: '26%', render: ({ type }) => <span className="mr-dim">{type}</span> },
            { key: 'fallback', header: 'Default', width: '12%', hide: 'sm', render: ({ fallback }) => (fallback === null ? <span className="mr-dim">–</span> : <code>{fallback}</code>) },
            { key: 'about', header: 'About', hide: 'md', render: ({ description }) => <span className={classes.description}>{description}</span> },
          ]}
        />
      </div>
      <h3 className={classes.subtitle}>Example</h3>
      <CodeBlock text={prettyJson(step)} label="the example" />
      {entry.retry ? <JsonView title="Retries, unless the step says otherwise" value={entry.retry} /> : null}
      {hasOutput ? <JsonView title="Output, as JSON Schema" value={entry.output_schema} /> : null}
    </article>
  )
}
