import { Button } from '@mantine/core'
import { IconPlayerPlayFilled } from '@tabler/icons-react'
import { KindTile } from '@/ui/kind-tile'
import classes from './gallery.module.css'
import { useStartTemplate } from './start'
import { TEMPLATES } from './templates'

/** Templates as cards; each has the one button that makes it run. */
export function TemplateGallery() {
  const start = useStartTemplate()
  return (
    <ul className={classes.gallery} aria-label="Templates">
      {TEMPLATES.map((template, index) => (
        <li key={template.id} className={`mr-card ${classes.card}`} data-testid={`template-${template.id}`}>
          <div className={classes.head}>
            <KindTile icon={template.icon} kind={template.kind} size={34} />
            <h3>{template.name}</h3>
          </div>
          <p className={classes.about}>{template.description}</p>
          <p className={classes.shows}>You will see {template.shows}.</p>
          <Button
            variant={index === 0 ? 'filled' : 'default'}
            fullWidth
            leftSection={<IconPlayerPlayFilled size={13} />}
            loading={start.isPending && start.variables.id === template.id}
            disabled={start.isPending}
            onClick={() => start.mutate(template)}
            aria-label={`Create and run ${template.name}`}
            data-testid={`start-${template.id}`}
          >
            Create and run
          </Button>
        </li>
      ))}
    </ul>
  )
}
