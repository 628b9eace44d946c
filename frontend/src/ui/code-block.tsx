import classes from './code-block.module.css'
import { CopyButton } from './copy-button'

/** Text to read and copy: a command, a document. */
export function CodeBlock({ text, label, wrap = false, maxHeight }: { text: string; label: string; wrap?: boolean; maxHeight?: number }) {
  return (
    <div className={classes.block}>
      {/* Focusable, so that it can be scrolled with the keyboard. */}
      <pre tabIndex={0} role="group" aria-label={label} data-wrap={wrap} style={{ maxHeight }}>
        {text}
      </pre>
      <div className={classes.copy}>
        <CopyButton value={text} label={`Copy ${label}`} />
      </div>
    </div>
  )
}
