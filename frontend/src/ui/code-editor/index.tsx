/** CodeMirror for expressions, texts with expressions in them, and program code; loaded when it is first shown. */
import { Skeleton } from '@mantine/core'
import { lazy, Suspense } from 'react'
import type { CodeEditorProps } from './editor'

export type { CodeEditorProps, CodeLanguage } from './editor'

const Editor = lazy(() => import('./editor'))

export function CodeEditor(props: CodeEditorProps) {
  return (
    <Suspense fallback={<Skeleton height={props.minHeight ?? 34} radius="md" />}>
      <Editor {...props} />
    </Suspense>
  )
}
