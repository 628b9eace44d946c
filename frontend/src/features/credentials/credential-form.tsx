import { Button, Group, Modal, Select, Stack, TagsInput, Text, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { problemsByPath } from '@/api/problem'
import { createCredential, credentialKeys, credentialTypesQuery, patchCredential } from '@/api/queries/credentials'
import type { Credential } from '@/api/types'
import { SchemaForm } from '@/features/forms'
import { notifyDone, notifyProblem } from '@/ui/notify'
import { fits } from './fitting'

interface CredentialFormProps {
  credential?: Credential
  /** The types or kinds that a new one may be of; without, all. */
  kinds?: readonly string[]
  /** Told of a new one before the dialog closes. */
  onMade?: (made: Credential) => void
  onClose: () => void
}

/** Makes a credential, or changes one; its fields are those its type asks for. */
export default function CredentialForm({ credential, kinds, onMade, onClose }: CredentialFormProps) {
  const client = useQueryClient()
  const types = (useQuery(credentialTypesQuery()).data ?? []).filter((each) => credential || fits(each, kinds))
  const [name, setName] = useState(credential?.name ?? '')
  const [picked, setType] = useState<string | null>(credential?.type ?? null)
  const type = picked ?? (types.length === 1 ? (types[0]?.type ?? null) : null)
  const [data, setData] = useState<Record<string, unknown>>(credential?.data ?? {})
  const [hosts, setHosts] = useState<string[]>(credential?.hosts ?? [])
  const chosen = types.find((each) => each.type === type)
  const save = useMutation({
    mutationFn: () => {
      // Only what was changed: an empty secret stays as it is.
      const changed = credential ? Object.fromEntries(Object.entries(data).filter(([field, value]) => JSON.stringify(value) !== JSON.stringify(credential.data[field]))) : data
      const body = { name: name.trim(), data: changed, ...(hosts.length > 0 || credential ? { hosts } : {}) }
      return credential ? patchCredential(credential.id, body) : createCredential({ ...body, type: type ?? '' })
    },
    onSuccess: async (saved) => {
      await client.invalidateQueries({ queryKey: credentialKeys.all })
      if (!credential) onMade?.(saved)
      notifyDone(credential ? 'The credential is changed.' : 'The credential is sealed.')
      onClose()
    },
    onError: (error) => {
      if (Object.keys(problemsByPath(error)).length === 0) notifyProblem(error, 'Not saved')
    },
  })
  const problems = problemsByPath(save.error)
  const within = Object.fromEntries(Object.entries(problems).filter(([path]) => path.startsWith('/data/')).map(([path, message]) => [path.slice('/data'.length), message]))
  const others = Object.entries(problems).filter(([path]) => !path.startsWith('/data/') && path !== '/name' && !path.startsWith('/hosts'))
  return (
    <Modal opened onClose={onClose} title={credential ? `Edit ${credential.name}` : 'New credential'} size="lg" data-testid="credential-form">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          // The dialog may stand over a form of its own, whose submit this is not.
          event.stopPropagation()
          save.mutate()
        }}
      >
        <Stack gap="md">
          <TextInput label="Name" value={name} onChange={(event) => setName(event.currentTarget.value)} error={problems['/name']} maxLength={200} required withAsterisk={false} data-autofocus data-testid="credential-name" />
          {credential ? null : (
            <Select
              label="Type"
              placeholder="What kind of secret is it?"
              searchable
              data={types.map((each) => ({ value: each.type, label: each.title }))}
              value={type}
              onChange={(next) => {
                setType(next)
                setData({})
              }}
              data-testid="credential-type"
            />
          )}
          {chosen ? (
            <>
              <Text size="sm" c="dimmed">
                {chosen.description}
              </Text>
              <SchemaForm plain schema={chosen.data_schema} state={{ value: data, memory: {} }} onChange={(next) => setData(next.value)} problems={within} secretHint={(field) => (credential?.secrets[field] ? 'Set; left empty it stays' : undefined)} />
            </>
          ) : null}
          <TagsInput label="May be sent to" description="Host names; a request to any other is refused before the secret leaves. Left empty: what its type says, else anywhere." placeholder={hosts.length === 0 ? 'api.example.com' : undefined} value={hosts} onChange={setHosts} error={Object.entries(problems).find(([path]) => path.startsWith('/hosts'))?.[1]} />
          {others.map(([path, message]) => (
            <Text key={path} size="sm" c="red" role="alert">
              {message}
            </Text>
          ))}
        </Stack>
        <Group justify="flex-end" gap="sm" mt="lg">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={save.isPending} disabled={name.trim() === '' || type === null} data-testid="save-credential">
            {credential ? 'Save' : 'Seal it'}
          </Button>
        </Group>
      </form>
    </Modal>
  )
}
