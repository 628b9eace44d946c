/** Fields made of fields: nested objects, lists of objects (a switch's cases), unions of objects. */
import { ActionIcon, Button, Select } from '@mantine/core'
import { IconArrowDown, IconArrowUp, IconPlus, IconX } from '@tabler/icons-react'
import { alternatives, labelOf, propertiesOf, requiredOf, resolved, single, unionOf, type Schema } from '@/lib/schema'
import type { WidgetProps } from '.'
import { Field } from '../field'
import { useForm } from '../form-context'
import classes from '../forms.module.css'
import { discriminatorOf } from '../kinds'

function Fields({ schema, path, without }: { schema: Schema; path: WidgetProps['path']; without?: string | null }) {
  const required = requiredOf(schema)
  return propertiesOf(schema)
    .filter(([name]) => name !== without)
    .map(([name, each]) => <Field key={name} name={name} schema={each} path={[...path, name]} required={required.includes(name)} />)
}

/** An optional object is not there until somebody wants it; one with a single field is drawn as that field. */
export function ObjectField({ id, schema, path, label, value, required }: WidgetProps) {
  const { change, readOnly } = useForm()
  const [only, ...others] = propertiesOf(schema)
  if (only && others.length === 0) return <Field name={only[0]} schema={only[1]} path={[...path, only[0]]} required={required} bare />
  if (value === undefined || value === null) {
    return readOnly ? (
      <p className="mr-dim">Not set</p>
    ) : (
      <Button variant="default" size="compact-sm" leftSection={<IconPlus size={14} />} onClick={() => change(path, {})} id={id} data-testid={`set-${path.join('.')}`}>
        Set {label.toLowerCase()}
      </Button>
    )
  }
  return (
    <div className={classes.nested} role="group" aria-label={label}>
      <Fields schema={schema} path={path} />
      {required || readOnly ? null : (
        <Button variant="subtle" color="gray" size="compact-sm" style={{ alignSelf: 'flex-start' }} leftSection={<IconX size={13} />} onClick={() => change(path, undefined)}>
          Without {label.toLowerCase()}
        </Button>
      )}
    </div>
  )
}

/** A new item: what its schema asks for, empty. Names get a number, since they often must differ. */
function emptyItem(schema: Schema, count: number): Record<string, unknown> {
  const entries = requiredOf(schema).map((name) => [name, name === 'name' ? `case ${count + 1}` : ''])
  return Object.fromEntries(entries) as Record<string, unknown>
}

export function ListField({ id, name, schema, path, value, label }: WidgetProps) {
  const { change, root, readOnly } = useForm()
  const items = Array.isArray(value) ? (value as unknown[]) : []
  const item = single((schema.items ?? {}) as Schema, root)
  const one = labelOf(name.replace(/s$/, ''), {}).toLowerCase()
  const move = (from: number, to: number) => {
    const next = [...items]
    const [taken] = next.splice(from, 1)
    next.splice(to, 0, taken)
    change(path, next)
  }
  return (
    <div className={classes.rows} role="group" aria-label={label}>
      {items.map((_, index) => (
        <div key={index} className={classes.card} data-testid={`item-${path.join('.')}-${index}`}>
          <div className={classes.cardHead}>
            <span>
              {labelOf(one, {})} {index + 1}
            </span>
            {readOnly ? null : (
              <>
                <ActionIcon size={24} aria-label={`Move ${one} ${index + 1} up`} disabled={index === 0} onClick={() => move(index, index - 1)}>
                  <IconArrowUp size={13} />
                </ActionIcon>
                <ActionIcon size={24} aria-label={`Move ${one} ${index + 1} down`} disabled={index === items.length - 1} onClick={() => move(index, index + 1)}>
                  <IconArrowDown size={13} />
                </ActionIcon>
                <ActionIcon size={24} aria-label={`Remove ${one} ${index + 1}`} onClick={() => change([...path, index], undefined)}>
                  <IconX size={13} />
                </ActionIcon>
              </>
            )}
          </div>
          <Fields schema={item} path={[...path, index]} />
        </div>
      ))}
      {readOnly ? null : (
        <Button variant="default" size="compact-sm" style={{ alignSelf: 'flex-start' }} leftSection={<IconPlus size={14} />} onClick={() => change(path, [...items, emptyItem(item, items.length)])} id={id} data-testid={`add-item-${path.join('.')}`}>
          Add a {one}
        </Button>
      )}
    </div>
  )
}

const constOf = (schema: Schema | undefined): string | undefined => {
  const value = schema?.const ?? (Array.isArray(schema?.enum) ? (schema.enum as unknown[])[0] : undefined)
  return typeof value === 'string' ? value : undefined
}

/** A variant's own title; pydantic's are the names of classes. */
const titleOf = ({ title }: Schema): string | undefined => (typeof title === 'string' && !/^[A-Z]\w*(Auth|Config)$/.test(title) ? title : undefined)

export function VariantsField({ id, outer, path, value, label, required }: WidgetProps) {
  const { change, root, readOnly } = useForm()
  const variants = alternatives(outer, root)
  const key = discriminatorOf(variants) ?? 'type'
  const nameOf = (schema: Schema) => constOf(propertiesOf(schema).find(([name]) => name === key)?.[1]) ?? ''
  const standard = outer.default
  const given = value ?? standard
  const now = typeof given === 'object' && given !== null ? (given as Record<string, unknown>)[key] : undefined
  const chosen = variants.find((each) => nameOf(each) === now)
  // As they were written: what stands beside the union belongs to the field, not to each of them.
  const written = Object.fromEntries(unionOf(outer).map((each) => resolved(each, root)).map((each) => [nameOf(each), each]))
  const about = Object.fromEntries(Object.entries(written).map(([name, each]) => [name, typeof each.description === 'string' ? each.description.replaceAll('`', '') : '']))
  return (
    <div className={classes.rows}>
      <Select
        id={id}
        data={variants.map((each) => ({ value: nameOf(each), label: titleOf(written[nameOf(each)] ?? {}) ?? nameOf(each).replaceAll('_', ' ') }))}
        value={typeof now === 'string' ? now : null}
        aria-label={label}
        placeholder="Not set"
        allowDeselect={standard === undefined}
        clearable={!required && standard === undefined}
        disabled={readOnly}
        maxDropdownHeight={320}
        renderOption={({ option }) => (
          <span className={classes.option}>
            <span>{option.label}</span>
            <span>{about[option.value]}</span>
          </span>
        )}
        onChange={(next) => change(path, next === null ? undefined : { [key]: next })}
      />
      {chosen && about[nameOf(chosen)] ? <div className={classes.help}>{about[nameOf(chosen)]}</div> : null}
      {chosen && propertiesOf(chosen).length > 1 ? (
        <div className={classes.nested}>
          {typeof chosen.description === 'string' ? <p className={classes.help}>{chosen.description.replaceAll('`', '')}</p> : null}
          <Fields schema={chosen} path={path} without={key} />
        </div>
      ) : null}
    </div>
  )
}
