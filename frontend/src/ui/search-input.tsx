import { TextInput, type TextInputProps } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { useState } from 'react'

interface SearchInputProps extends Omit<TextInputProps, 'value' | 'onChange'> {
  value: string
  /** Told a moment after the last key, without blanks at the ends. */
  onChange: (next: string) => void
  'data-testid'?: string
}

/** A text to search by, which also follows a value that is changed elsewhere, and keeps the focus while it does. */
export function SearchInput({ value, onChange, ...rest }: SearchInputProps) {
  const [text, setText] = useState(value)
  const [before, setBefore] = useState(value)
  const [told, setTold] = useState(value)
  if (value !== before) {
    setBefore(value)
    // What was typed since it was told stays.
    if (value !== told) setText(value)
  }
  const tell = useDebouncedCallback((next: string) => {
    setTold(next)
    onChange(next)
  }, 300)
  return (
    <TextInput
      {...rest}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value)
        tell(event.currentTarget.value.trim())
      }}
    />
  )
}
