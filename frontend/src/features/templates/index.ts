/** Workflows to start from: where there is nothing yet, they show what can be done. */
export { TEMPLATES, type Template } from './templates'
export { TemplateGallery } from './gallery'
