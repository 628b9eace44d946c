import './styles/layers.css'
import '@fontsource-variable/inter/index.css'
import '@fontsource-variable/jetbrains-mono/index.css'
import '@mantine/core/styles.layer.css'
import '@mantine/notifications/styles.layer.css'
import '@mantine/spotlight/styles.layer.css'
import './styles/tokens.css'
import './styles/base.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { setApiUrl } from '@/api/client'
import { offerDemo } from './nav-items'
import { Providers } from './providers'
import { loadConfig } from './runtime-config'

async function start(): Promise<void> {
  const { apiUrl, demo } = await loadConfig()
  setApiUrl(apiUrl)
  if (demo) offerDemo()
  const root = document.getElementById('root')
  if (!root) throw new Error('index.html has no #root')
  createRoot(root).render(
    <StrictMode>
      <Providers />
    </StrictMode>,
  )
}

void start()
