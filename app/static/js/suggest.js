// Suggestions while typing in a search form. The server sends an HTML list; the keyboard follows the
// combobox pattern: arrows choose, Enter opens, Escape closes and then clears, Tab leaves.

import Combobox from '../vendor/combobox-nav.js'

const PAUSE = 150 // milliseconds without a key before asking
const SHORTEST = 2 // characters

export function start(root) {
  root.querySelectorAll('[data-suggest-url]').forEach(wire)
}

function wire(form) {
  const input = form.querySelector('input[type=search]')
  const box = form.querySelector('.suggest')
  const list = box.querySelector('[role=listbox]')
  const status = form.querySelector('[data-suggest-status]')
  const combobox = new Combobox(input, list, { tabInsertsSuggestions: false })
  let timer, request

  function close() {
    clearTimeout(timer)
    request?.abort()
    if (box.hidden) return
    combobox.stop()
    box.hidden = true
    list.replaceChildren()
  }

  function show(html) {
    const answer = new DOMParser().parseFromString(html, 'text/html')
    const options = [...answer.querySelectorAll('li')].map(asOption)
    status.textContent = options.length ? answer.querySelector('[data-status]')?.dataset.status : status.dataset.none
    if (!options.length) return close()
    list.replaceChildren(...options)
    box.hidden = false
    combobox.stop()
    combobox.start()
  }

  // The link itself is the option: a link inside an option could not be reached by assistive technology.
  function asOption(item, index) {
    const link = item.querySelector('a')
    item.setAttribute('role', 'none')
    link.setAttribute('role', 'option')
    link.id = `${list.id}-${index}`
    link.tabIndex = -1
    return item
  }

  async function ask() {
    const words = input.value.trim()
    request?.abort()
    if (words.length < SHORTEST) return close()
    request = new AbortController()
    try {
      const answer = await fetch(`${form.dataset.suggestUrl}?q=${encodeURIComponent(words)}`, { signal: request.signal })
      if (answer.ok) show(await answer.text())
      else close()
    } catch (fault) {
      // without a connection the form still works once it is back; a newer question ends an older one
      if (fault.name !== 'AbortError') close()
    }
  }

  input.addEventListener('input', (event) => {
    clearTimeout(timer)
    if (!event.isComposing) timer = setTimeout(ask, PAUSE)
  })
  input.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown' && box.hidden) ask()
    if (event.key !== 'Escape') return
    if (!box.hidden) event.preventDefault() // first Escape closes; the second clears, as browsers do for search fields
    close()
  })
  input.addEventListener('blur', close)
  box.addEventListener('pointerdown', (event) => event.preventDefault()) // keep the focus in the field
}

// "/" moves to the first search field, unless somebody is typing.
document.addEventListener('keydown', (event) => {
  const typing = event.target.closest('input, textarea, select, [contenteditable]')
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || typing) return
  event.preventDefault()
  document.querySelector('[data-suggest-url] input[type=search]').focus()
})
