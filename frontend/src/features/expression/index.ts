export { expressionCompletion, type FunctionDoc } from './completion'
export { Preview } from './preview'
export { EMPTY_SCOPE, valuesOf, type ExpressionScope, type ScopeNode } from './scope'
export { partsOf } from './template'
