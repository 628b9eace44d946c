import { createLink } from '@tanstack/react-router'
import type { ComponentPropsWithRef } from 'react'
import classes from './row-link.module.css'

function Anchor(props: ComponentPropsWithRef<'a'>) {
  return <a {...props} className={classes.link} data-row-link />
}

/** A link whose clickable area is its whole table row or card. */
export const RowLink = createLink(Anchor)
