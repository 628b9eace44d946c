import { MultiSelect, TextInput } from '@mantine/core'
import { ConfigFields, type FormProps } from './config-fields'
import { METHODS } from './model'

export function ApiForm({ editing, ...props }: FormProps & { editing: boolean }) {
  const { config, onChange, problems } = props
  return (
    <>
      <TextInput
        label="Path"
        description={editing ? 'The last part of the URL.' : 'The last part of the URL. Left empty, 22 random characters that nobody can guess.'}
        placeholder="orders"
        value={typeof config.path === 'string' ? config.path : ''}
        onChange={(event) => onChange({ ...config, path: event.currentTarget.value.trim() })}
        error={problems['/config/path']}
        data-testid="api-path"
      />
      <MultiSelect label="Methods" data={METHODS} value={(config.methods as string[] | undefined) ?? ['POST']} onChange={(methods) => onChange({ ...config, methods })} error={problems['/config/methods']} />
      <ConfigFields {...props} without={['path', 'methods']} />
    </>
  )
}
