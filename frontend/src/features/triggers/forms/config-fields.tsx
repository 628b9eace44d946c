import { Alert } from '@mantine/core'
import { useState } from 'react'
import type { JsonSchema } from '@/api/types'
import { SchemaForm, type FormHelp, type FormState } from '@/features/forms'

export interface FormProps extends FormHelp {
  /** The config as the registry describes it. */
  schema: JsonSchema
  config: Record<string, unknown>
  onChange: (next: Record<string, unknown>) => void
  /** Messages by JSON Pointer within the request. */
  problems: Record<string, string>
}

/** Every option that the registry names of a type of trigger, but those that the form around it draws itself. */
export function ConfigFields({ schema, config, onChange, problems, without, ...help }: FormProps & { without: readonly string[] }) {
  const [memory, setMemory] = useState<FormState['memory']>({})
  const properties = Object.fromEntries(Object.entries((schema.properties ?? {}) as Record<string, unknown>).filter(([name]) => !without.includes(name)))
  const required = ((schema.required ?? []) as string[]).filter((name) => !without.includes(name))
  const own = Object.fromEntries(without.filter((name) => name in config).map((name) => [name, config[name]]))
  const value = Object.fromEntries(Object.entries(config).filter(([name]) => !without.includes(name)))
  const within = Object.fromEntries(Object.entries(problems).filter(([path]) => path.startsWith('/config/')).map(([path, message]) => [path.slice('/config'.length), message]))
  return (
    <SchemaForm
      {...help}
      plain
      schema={{ ...schema, properties, required }}
      state={{ value, memory }}
      onChange={(next) => {
        setMemory(next.memory)
        onChange({ ...own, ...next.value })
      }}
      problems={within}
    />
  )
}

/** What a part of the installation says that the trigger cannot do without. */
export function PartNotice({ title, detail }: { title: string; detail: string }) {
  return (
    <Alert color="yellow" variant="light" title={title}>
      {detail}
    </Alert>
  )
}
