// Entry of all browser code: wires htmx, moves focus after swaps and faults, and loads a module
// only where the page has something for it. Every page works without any of this.

const MODULES = [
  ['[data-suggest-url]', './suggest.js'],
  ['[data-reveal]', './password.js'],
  ['[data-menu], [data-dialog], [data-fold]', './menu.js'],
  ['[data-draft-url]', './autosave.js'],
  ['[data-keep]', './dirty.js'],
  ['[data-editor]', './editor.js'],
  ['[data-request], [data-device-draft], [data-forget-draft]', './request.js'],
  ['[data-copy-label] pre', './copy.js'],
  ['[data-print]', './print.js'],
]

// Each module exports start(root) and is called once per piece of page: at load, then for what htmx brings in.
async function start(root) {
  const wanted = MODULES.filter(([selector]) => root.matches?.(selector) || root.querySelector(selector))
  await Promise.all(wanted.map(async ([, path]) => (await import(path)).start(root)))
}

function focusAfterSwap(target) {
  if (target.id !== 'inhalt') return
  const heading = target.querySelector('h1')
  if (!heading) return
  heading.tabIndex = -1
  heading.focus()
}

// Says in place that a request failed; the text in the form stays as it is.
function announce(text) {
  let bar = document.getElementById('notice')
  if (!bar) {
    bar = document.createElement('p')
    bar.id = 'notice'
    bar.className = 'banner banner-danger'
    bar.setAttribute('role', 'alert')
    document.querySelector('main').prepend(bar)
  }
  bar.textContent = text
}

const unannounce = () => document.getElementById('notice')?.remove()

const { textFailed, textOffline } = document.body.dataset
document.addEventListener('htmx:configRequest', (event) => {
  const token = document.querySelector('meta[name="csrf-token"]')
  if (token) event.detail.headers['X-CSRFToken'] = token.content
})
document.addEventListener('htmx:responseError', () => announce(textFailed))
document.addEventListener('htmx:sendError', () => announce(textOffline))
document.addEventListener('htmx:beforeSend', unannounce)
addEventListener('offline', () => announce(textOffline))
addEventListener('online', unannounce)
document.addEventListener('htmx:afterSwap', (event) => {
  focusAfterSwap(event.detail.target)
  event.detail.target.querySelector('[data-error-summary]')?.focus()
})
document.addEventListener('htmx:load', (event) => {
  if (event.detail.elt !== document.body) start(event.detail.elt)
})

// A form is sent once: the pressed button stays busy until the answer arrives or the page is shown again.
// The time limit frees a form whose answer is a download, which leaves the page as it is.
const BUSY_AT_MOST = 10_000 // milliseconds
const free = () => document.querySelectorAll('[data-sending]').forEach((busy) => {
  delete busy.dataset.sending
  busy.removeAttribute('aria-busy')
})
document.addEventListener('submit', (event) => {
  const form = event.target
  if (event.defaultPrevented || form.getAttribute('method') === 'dialog') return
  if (form.dataset.sending) return event.preventDefault()
  for (const busy of [form, event.submitter].filter(Boolean)) {
    busy.dataset.sending = 'true'
    busy.setAttribute('aria-busy', 'true')
  }
  setTimeout(free, BUSY_AT_MOST)
})
addEventListener('pageshow', free)
document.addEventListener('htmx:afterRequest', free)

if (document.referrer.includes('/search?')) import('./searched.js').then((module) => module.start(document.body))
document.querySelector('[data-error-summary]')?.focus()
start(document.body).finally(() => { document.documentElement.dataset.awake = 'true' })
