// Comfort in the forms of requests: articles that may help while somebody describes a problem, and, for visitors, the
// text kept on the device until it was sent. Signed-in people's text is kept on the server (autosave.js).

const PAUSE = 600 // milliseconds without a key before articles are asked for
const SHORTEST = 8 // characters
const LONGEST = 300 // characters of the text that are sent; the beginning says what it is about
const KEPT_DAYS = 30

export function start(root) {
  root.querySelectorAll('[data-request]').forEach(suggest)
  root.querySelectorAll('[data-device-draft]').forEach(keep)
  root.querySelectorAll('[data-forget-draft]').forEach((mark) => forget(mark.dataset.forgetDraft))
}

function suggest(form) {
  const box = form.querySelector('[data-helps]')
  const status = form.querySelector('[data-helps-status]')
  const fields = [...form.querySelectorAll('[data-suggest-from]')]
  let timer, request, asked

  async function ask() {
    const text = fields.map((field) => field.value.trim()).filter(Boolean).join(' ').slice(0, LONGEST)
    if (text === asked || text.length < SHORTEST) return
    asked = text
    request?.abort()
    request = new AbortController()
    try {
      const answer = await fetch(`${box.dataset.url}?text=${encodeURIComponent(text)}`, { signal: request.signal })
      if (answer.ok) show(await answer.text())
    } catch {
      // without a connection, or overtaken by a newer question: the form works without suggestions
    }
  }

  function show(html) {
    box.innerHTML = html
    const found = box.querySelector('[data-status]')
    box.hidden = !found
    status.textContent = found?.dataset.status ?? ''
  }

  for (const field of fields) {
    field.addEventListener('input', () => {
      clearTimeout(timer)
      timer = setTimeout(ask, PAUSE)
    })
  }
  ask()
}

const key = (name) => `draft:${name}`

function keep(form) {
  const name = key(form.dataset.deviceDraft)
  const fields = [...form.querySelectorAll('input[type=text], input:not([type]), textarea, select')]
  restore()

  function restore() {
    const kept = read(name)
    if (!kept) return
    for (const field of fields) if (!field.value && kept[field.name]) field.value = kept[field.name]
  }

  form.addEventListener('input', () => {
    const values = Object.fromEntries(fields.map((field) => [field.name, field.value]))
    try {
      localStorage.setItem(name, JSON.stringify({ at: Date.now(), values }))
    } catch {
      // the device keeps nothing (private window, full): the text lives as long as the page
    }
  })
}

function read(name) {
  try {
    const kept = JSON.parse(localStorage.getItem(name))
    if (kept && Date.now() - kept.at < KEPT_DAYS * 86_400_000) return kept.values
    localStorage.removeItem(name)
  } catch {
    // nothing that can be read
  }
  return null
}

function forget(name) {
  try {
    localStorage.removeItem(key(name))
  } catch {
    // nothing was kept
  }
}
