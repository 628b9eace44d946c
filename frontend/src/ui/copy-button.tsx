import { ActionIcon, Button, CopyButton as Copy, Tooltip } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'

/** Copies a text; says so for a moment. With `text` it is a button with words, else an icon. */
export function CopyButton({ value, label, text, testId }: { value: string; label: string; text?: string; testId?: string }) {
  return (
    <Copy value={value} timeout={1500}>
      {({ copied, copy }) => {
        const icon = copied ? <IconCheck size={15} /> : <IconCopy size={15} />
        if (text !== undefined) {
          return (
            <Button variant="default" leftSection={icon} onClick={copy} aria-label={label} data-testid={testId}>
              {copied ? 'Copied' : text}
            </Button>
          )
        }
        return (
          <Tooltip label={copied ? 'Copied' : label}>
            <ActionIcon aria-label={label} onClick={copy} size={26} data-testid={testId}>
              {icon}
            </ActionIcon>
          </Tooltip>
        )
      }}
    </Copy>
  )
}
