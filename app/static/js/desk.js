// Comfort for agents: single keys, fields that save when they change, articles put into a reply. Nothing here is
// needed: every action is a link or a form of the page.

const typing = (target) => target.closest('input, textarea, select, [contenteditable]')

for (const form of document.querySelectorAll('[data-submit-on-change]')) {
  form.querySelector('select')?.addEventListener('change', () => form.requestSubmit())
}

const rows = [...document.querySelectorAll('[data-desk-list] tbody tr')]
let at = -1

function choose(step) {
  if (!rows.length) return
  rows[at]?.removeAttribute('aria-selected')
  at = Math.min(Math.max(at + step, 0), rows.length - 1)
  rows[at].setAttribute('aria-selected', 'true')
  rows[at].querySelector('a')?.focus()
}

const keys = {
  j: () => choose(1),
  k: () => choose(-1),
  o: () => rows[at]?.querySelector('a')?.click(),
  u: () => document.querySelector('[data-desk-back]')?.click(),
  r: () => document.querySelector('#reply textarea')?.focus(),
  n: () => {
    const note = document.querySelector('#note')
    if (note) note.open = true
    note?.querySelector('textarea')?.focus()
  },
  a: () => document.querySelector('#set-assignee')?.focus(),
  s: () => document.querySelector('#set-status')?.focus(),
  i: () => document.querySelector('[data-desk-mine]')?.click(),
  '/': () => document.querySelector('[data-desk-search]')?.focus(),
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) {
    if (event.key === 'Enter' && event.ctrlKey) event.target.closest('form')?.requestSubmit()
    return
  }
  if (typing(event.target) || !keys[event.key] || document.body.dataset.keys === 'off') return
  event.preventDefault()
  keys[event.key]()
})

for (const link of document.querySelectorAll('[data-insert-article]')) {
  const box = link.closest('form').querySelector('[data-insert-box]')
  const field = box.querySelector('input')
  const results = box.querySelector('[data-insert-results]')
  const target = document.getElementById(link.dataset.insertInto)
  let timer
  let asked

  link.addEventListener('click', (event) => {
    event.preventDefault()
    box.hidden = !box.hidden
    if (!box.hidden) field.focus()
  })
  field.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') event.preventDefault() // it would send the reply
  })
  field.addEventListener('input', () => {
    clearTimeout(timer)
    timer = setTimeout(async () => {
      asked?.abort()
      asked = new AbortController()
      try {
        const answer = await fetch(`${link.dataset.insertUrl}?q=${encodeURIComponent(field.value)}`, { signal: asked.signal })
        if (answer.ok) results.innerHTML = await answer.text()
      } catch (fault) {
        if (fault.name !== 'AbortError') throw fault
      }
    }, 150)
  })
  results.addEventListener('click', (event) => {
    const chosen = event.target.closest('[data-insert-text]')
    if (!chosen) return
    target.setRangeText(chosen.dataset.insertText, target.selectionStart, target.selectionEnd, 'end')
    target.dispatchEvent(new Event('input', { bubbles: true }))
    box.hidden = true
    target.focus()
  })
}
