export { expressionCompletion, type FunctionDoc } from './completion'
export { EMPTY_SCOPE, valuesOf, type ExpressionScope, type ScopeNode } from './scope'
