// Keeps a draft on the server while somebody writes: two seconds after the last key, and when the page is hidden.

const PAUSE = 2000 // milliseconds

export function start(root) {
  const forms = root.matches('[data-draft-url]') ? [root] : root.querySelectorAll('[data-draft-url]')
  forms.forEach(wire)
}

function wire(form) {
  const status = form.querySelector('[data-draft-status]')
  const clock = new Intl.DateTimeFormat(document.documentElement.lang, { hour: '2-digit', minute: '2-digit' })
  let timer
  let waiting = false

  async function save() {
    clearTimeout(timer)
    if (!waiting) return
    waiting = false
    const draft = new FormData(form)
    // files are sent with the form itself and never wait in a draft; nor does a password
    for (const field of form.querySelectorAll('[type=file], [type=password]')) draft.delete(field.name)
    // lets the request outlive the page; browsers refuse that for more than 64 KiB
    const keepalive = [...draft.values()].join('').length < 15_000
    try {
      const answer = await fetch(form.dataset.draftUrl, { method: 'POST', body: draft, keepalive })
      if (!answer.ok) throw new Error(answer.status)
      if (status) status.textContent = status.dataset.saved.replace('{time}', clock.format(new Date()))
    } catch {
      waiting = true
      if (status) status.textContent = status.dataset.failed
      timer = setTimeout(save, 5 * PAUSE)
    }
  }

  function noted() {
    waiting = true
    clearTimeout(timer)
    timer = setTimeout(save, PAUSE)
  }

  form.addEventListener('input', noted)
  // what was typed before this module was here
  if ([...form.elements].some((field) => field.defaultValue !== undefined && field.type !== 'hidden' && field.value !== field.defaultValue)) noted()
  form.addEventListener('submit', () => {
    waiting = false
    clearTimeout(timer)
  })
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) save()
  })
}
