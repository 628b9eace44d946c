import { Button, Group, Modal, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { create } from 'zustand'

export interface Question {
  title: string
  body: ReactNode
  yes: string
  no?: string
  danger?: boolean
}

interface Asked extends Question {
  answer: (yes: boolean) => void
}

const useQuestion = create<{ asked: Asked | null; open: boolean }>(() => ({ asked: null, open: false }))

/** Asks before something that cannot be taken back. */
export const confirm = (question: Question): Promise<boolean> =>
  new Promise((resolve) => {
    const answer = (yes: boolean) => {
      useQuestion.setState({ open: false })
      resolve(yes)
    }
    useQuestion.setState({ asked: { ...question, answer }, open: true })
  })

/** Stands once, at the root. */
export function ConfirmHost() {
  const { asked, open } = useQuestion()
  if (!asked) return null
  return (
    <Modal opened={open} onClose={() => asked.answer(false)} title={asked.title} size="sm">
      <Text size="sm" c="dimmed" component="div">
        {asked.body}
      </Text>
      <Group justify="flex-end" gap="sm" mt="xl">
        <Button variant="default" onClick={() => asked.answer(false)}>
          {asked.no ?? 'Cancel'}
        </Button>
        <Button color={asked.danger ? 'red.8' : undefined} onClick={() => asked.answer(true)} data-autofocus data-testid="confirm-yes">
          {asked.yes}
        </Button>
      </Group>
    </Modal>
  )
}
