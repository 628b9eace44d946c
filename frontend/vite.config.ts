/// <reference types="vitest/config" />
import react from '@vitejs/plugin-react'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

// Where a running Millrace answers while the web app is served by `npm run dev`.
const backend = process.env.MILLRACE_URL ?? 'http://127.0.0.1:8080'

export default defineConfig({
  // Relative addresses: one build works at the root of a host, in a bucket and in any folder.
  base: './',
  plugins: [react()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'es2022',
    // Nothing as data: URL, nothing inline: the page runs under a strict Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    // elkjs ships as one compiled file of 1.6 MB; it is loaded only when a graph has to be laid out.
    chunkSizeWarningLimit: 1700,
  },
  server: { port: 5173, proxy: { '/api': backend } },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/test/setup.ts'],
    maxWorkers: 2,
  },
})
