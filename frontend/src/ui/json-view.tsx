import { SegmentedControl } from '@mantine/core'
import { useState } from 'react'
import { prettyJson } from '@/lib/json-source'
import { CodeBlock } from './code-block'
import { CopyButton } from './copy-button'
import { JsonTree } from './json-tree'
import classes from './json-view.module.css'

/** A JSON value with its name, as a tree or as text. */
export function JsonView({ title, value, testId }: { title: string; value: unknown; testId?: string }) {
  const [shape, setShape] = useState('tree')
  const simple = typeof value !== 'object' || value === null
  return (
    <div className={classes.view} data-testid={testId}>
      <div className={classes.head}>
        <h3 className={classes.title}>{title}</h3>
        <div className={classes.tools}>
          {simple ? null : (
            <SegmentedControl
              size="xs"
              value={shape}
              onChange={setShape}
              aria-label={`${title} as`}
              data={[
                { value: 'tree', label: 'Tree' },
                { value: 'text', label: 'JSON' },
              ]}
            />
          )}
          <CopyButton value={prettyJson(value)} label={`Copy ${title.toLowerCase()}`} />
        </div>
      </div>
      {shape === 'text' && !simple ? (
        <CodeBlock text={prettyJson(value)} label={title.toLowerCase()} maxHeight={420} />
      ) : (
        <div className={classes.tree} tabIndex={0} role="group" aria-label={title}>
          <JsonTree value={value} label={`${title}, as a tree`} />
        </div>
      )}
    </div>
  )
}
