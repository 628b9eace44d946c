/** CodeMirror for JSON, loaded when it is first shown. */
import { Skeleton } from '@mantine/core'
import { lazy, Suspense } from 'react'
import type { JsonDiffProps } from './diff'
import type { JsonEditorProps } from './editor'

export type { EditorProblem, JsonEditorHandle, JsonEditorProps } from './editor'

const Editor = lazy(() => import('./editor'))
const Diff = lazy(() => import('./diff'))

export function JsonEditor(props: JsonEditorProps) {
  return (
    <Suspense fallback={<Skeleton height={props.fill ? '100%' : (props.minHeight ?? 120)} />}>
      <Editor {...props} />
    </Suspense>
  )
}

export function JsonDiff(props: JsonDiffProps) {
  return (
    <Suspense fallback={<Skeleton height={200} />}>
      <Diff {...props} />
    </Suspense>
  )
}
