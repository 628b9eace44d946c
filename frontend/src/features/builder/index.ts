/** The builder: what draws a definition. Everything heavy (canvas, layout) is loaded when it is first shown. */
export { DefinitionGraph } from './definition-graph'
export type { GraphNodeState, GraphTrigger, DefinitionGraphProps } from './graph/model'
