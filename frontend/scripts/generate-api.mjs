// Writes src/api/schema.d.ts from a running Millrace: `npm run gen:api -- http://127.0.0.1:8080/api/openapi.json` (or a file's path).
// Only the shapes are kept; paths are short enough to be read in src/api/queries.
import { readFileSync, writeFileSync } from 'node:fs'
import openapiTS, { astToString } from 'openapi-typescript'

const source = process.argv[2] ?? 'http://127.0.0.1:8080/api/openapi.json'
const text = /^https?:/.test(source) ? await (await fetch(source)).text() : readFileSync(source, 'utf8')
const document = JSON.parse(text)

// Answers say "more fields may come"; kept, that would let every misspelt field pass as unknown.
const close = (schema) => {
  if (schema === null || typeof schema !== 'object') return
  if (schema.properties && schema.additionalProperties === true) delete schema.additionalProperties
  Object.values(schema).forEach(close)
}
const components = { schemas: document.components.schemas }
close(components)
// The language has its own types in src/lib/definition.ts, since a draft may be incomplete.
delete components.schemas.Definition

const ast = await openapiTS({ openapi: document.openapi, info: document.info, paths: {}, components: dropReferences(components) }, { defaultNonNullable: false })
const head = '// Made by `npm run gen:api` from /api/openapi.json. Do not edit.\n\n'
writeFileSync(new URL('../src/api/schema.d.ts', import.meta.url), head + astToString(ast))

function dropReferences(value) {
  if (Array.isArray(value)) return value.map(dropReferences)
  if (value === null || typeof value !== 'object') return value
  if (value.$ref === '#/components/schemas/Definition') return { type: 'object', additionalProperties: true }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, dropReferences(inner)]))
}
