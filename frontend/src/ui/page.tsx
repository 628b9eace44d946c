import type { ReactNode } from 'react'
import { useDocumentTitle } from '@/lib/use-document-title'
import classes from './page.module.css'

export interface PageProps {
  title: string
  /** Shown instead of the title, where a name is more than a text. */
  heading?: ReactNode
  description?: ReactNode
  actions?: ReactNode
  above?: ReactNode
  children: ReactNode
  width?: 'wide' | 'text'
}

/** A page: its heading with what can be done, and its content. */
export function Page({ title, heading, description, actions, above, children, width = 'wide' }: PageProps) {
  useDocumentTitle(title)
  return (
    <div className={classes.page} data-width={width}>
      {above}
      <header className={classes.header}>
        <div className={classes.words}>
          <h1 className={classes.title}>{heading ?? title}</h1>
          {description ? <div className={classes.description}>{description}</div> : null}
        </div>
        {actions ? <div className={classes.actions}>{actions}</div> : null}
      </header>
      {children}
    </div>
  )
}

/** A card with a title within a page. */
export function Section({ title, aside, children, flush = false, testId }: { title: ReactNode; aside?: ReactNode; children: ReactNode; flush?: boolean; testId?: string }) {
  return (
    <section className={`mr-card ${classes.section}`} data-testid={testId}>
      <div className={classes.sectionHead}>
        <h2 className={classes.sectionTitle}>{title}</h2>
        {aside}
      </div>
      <div className={flush ? undefined : classes.sectionBody}>{children}</div>
    </section>
  )
}
