/** The input of a run by hand: where the last one is kept, and where the API says it is wrong. */

export const lastInputName = (workflowId: string): string => `millrace.input.${workflowId}`

/** Problems of the request that concern its input, with pointers into it. */
export const inputProblems = (byPath: Record<string, string>): { pointer: string; message: string }[] =>
  Object.entries(byPath)
    .filter(([path]) => path === '/input' || path.startsWith('/input/'))
    .map(([path, message]) => ({ pointer: path.slice('/input'.length), message }))
