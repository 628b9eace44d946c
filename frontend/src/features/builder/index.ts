/** The builder: what draws a definition. Everything heavy (canvas, layout, forms) is loaded when it is first shown. */
import { lazy } from 'react'

export { DefinitionGraph } from './definition-graph'
export const Builder = lazy(() => import('./builder'))
export { placeOf } from './model/scope'
export type { BuilderProps } from './builder'
export type { RunData } from './builder-context'
export type { BuilderDocument, Editor } from './store/editor'
export type { GraphNodeState, GraphTrigger, DefinitionGraphProps } from './graph/model'
