// Asks before leaving a form with unsent text, for forms that keep no draft on the server.

export function start(root) {
  root.querySelectorAll('[data-keep]').forEach((form) => {
    let changed = false
    form.addEventListener('input', () => { changed = true })
    form.addEventListener('submit', () => { changed = false })
    addEventListener('beforeunload', (event) => {
      if (changed) event.preventDefault()
    })
  })
}
