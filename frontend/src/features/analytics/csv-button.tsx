import { ActionIcon } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { analyticsCsv, type AnalyticsFilter, type CsvTable } from '@/api/queries/analytics'
import { notifyProblem } from '@/ui/notify'

interface CsvButtonProps {
  filter: AnalyticsFilter
  table: CsvTable
  name: string
}

/** Saves a table as a CSV file. */
export function CsvButton({ filter, table, name }: CsvButtonProps) {
  const save = useMutation({
    mutationFn: () => analyticsCsv(filter, table),
    onSuccess: (text) => {
      const link = document.createElement('a')
      link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv' }))
      link.download = `millrace-${name}.csv`
      link.click()
      URL.revokeObjectURL(link.href)
    },
    onError: (error) => notifyProblem(error, 'The table could not be saved'),
  })
  return (
    <ActionIcon variant="subtle" color="gray" size="md" loading={save.isPending} onClick={() => save.mutate()} aria-label={`Save as CSV: ${name}`} title="Save as CSV">
      <IconDownload size={15} />
    </ActionIcon>
  )
}
