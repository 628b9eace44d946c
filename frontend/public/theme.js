// Sets the colour scheme before the first paint. A file of its own, because the page's policy allows no inline script.
;(function () {
  var chosen = 'auto'
  try {
    chosen = localStorage.getItem('millrace.color-scheme') || 'auto'
  } catch (e) {
    // Storage is off: follow the system.
  }
  var dark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light')
})()
