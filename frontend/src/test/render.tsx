import { MantineProvider } from '@mantine/core'
import { render, type RenderResult } from '@testing-library/react'
import type { ReactElement } from 'react'

/** A component under the providers every component may rely on. `env="test"`: no transitions. */
export const renderUi = (element: ReactElement): RenderResult => render(<MantineProvider env="test">{element}</MantineProvider>)
