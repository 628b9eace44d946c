/** The look, as numbers: Mantine's theme and the CSS variables that everything else uses. Colours of kinds and statuses are in styles/tokens.css. */
import { ActionIcon, Button, createTheme, Drawer, InputWrapper, Menu, Modal, Notification, Switch, Tabs, Tooltip, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core'

const primary: MantineColorsTuple = [
  '#eef2ff', '#e0e7ff', '#c7d2fe', '#a5b4fc', '#818cf8', '#6366f1', '#4f46e5', '#4338ca', '#3730a3', '#312e81',
]

// 0 text, 2 dim, 4 line, 5 hover, 6 surface, 7 background.
const dark: MantineColorsTuple = [
  '#e8ebf2', '#c3c9d6', '#98a0b3', '#7d869b', '#262c3a', '#1f2532', '#171b25', '#0d1017', '#0a0d13', '#07090d',
]

// What floats over the page has the surface's colour, not the page's.
const FLOATING = { content: { background: 'var(--mr-surface)' }, header: { background: 'var(--mr-surface)' }, title: { fontSize: 16, fontWeight: 620 } }

export const theme = createTheme({
  primaryColor: 'primary',
  primaryShade: 6,
  colors: { primary, dark },
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "'JetBrains Mono Variable', ui-monospace, monospace",
  fontSizes: { xs: '11.5px', sm: '13px', md: '14px', lg: '16px', xl: '20px' },
  lineHeights: { xs: '1.4', sm: '1.45', md: '1.5', lg: '1.5', xl: '1.4' },
  spacing: { xs: '4px', sm: '8px', md: '12px', lg: '16px', xl: '24px' },
  radius: { xs: '4px', sm: '6px', md: '8px', lg: '12px', xl: '14px' },
  defaultRadius: 'md',
  headings: {
    fontWeight: '600',
    sizes: { h1: { fontSize: '20px' }, h2: { fontSize: '16px' }, h3: { fontSize: '14px' }, h4: { fontSize: '13px' } },
  },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Button: Button.extend({ defaultProps: { size: 'sm' }, vars: () => ({ root: { '--button-height': '32px', '--button-padding-x': '12px', '--button-fz': '13px' } }) }),
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: 'subtle', color: 'gray', size: 30 } }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 350, withArrow: false, fz: 12, transitionProps: { duration: 120 } } }),
    Menu: Menu.extend({ defaultProps: { shadow: 'md', position: 'bottom-end', transitionProps: { duration: 120 } } }),
    Modal: Modal.extend({ styles: FLOATING, defaultProps: { centered: true, padding: 20, radius: 'xl', closeButtonProps: { 'aria-label': 'Close' }, overlayProps: { backgroundOpacity: 0.4 }, transitionProps: { duration: 180 } } }),
    Drawer: Drawer.extend({ styles: FLOATING, defaultProps: { closeButtonProps: { 'aria-label': 'Close' } } }),
    Notification: Notification.extend({ defaultProps: { closeButtonProps: { 'aria-label': 'Dismiss' } } }),
    InputWrapper: InputWrapper.extend({ styles: { label: { marginBottom: 4, fontWeight: 550 }, description: { marginBottom: 5, marginTop: 0, fontSize: 12 } } }),
    Switch: Switch.extend({ defaultProps: { withThumbIndicator: false } }),
    Tabs: Tabs.extend({ defaultProps: { keepMounted: false } }),
  },
})

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#f6f7f9',
    '--mantine-color-text': '#101828',
    '--mantine-color-dimmed': '#5b6475',
    '--mantine-color-placeholder': '#6b7385',
    '--mantine-color-default-border': '#d5dae3',
    '--mantine-color-error': '#b42318',
    '--mantine-color-anchor': '#4338ca',
    '--mantine-color-gray-light-color': '#475067',
    '--mantine-color-gray-subtle-color': '#475067',
    '--mantine-color-red-6': '#b42318',
  },
  dark: {
    '--mantine-color-body': '#0d1017',
    '--mantine-color-text': '#e8ebf2',
    '--mantine-color-dimmed': '#98a0b3',
    '--mantine-color-placeholder': '#868fa3',
    '--mantine-color-default': '#171b25',
    '--mantine-color-default-hover': '#1f2532',
    '--mantine-color-default-border': '#323a4b',
    '--mantine-color-error': '#f87171',
    '--mantine-color-anchor': '#a5b4fc',
    '--mantine-color-primary-light-color': '#a5b4fc',
    '--mantine-color-primary-outline': '#818cf8',
  },
})
