// The Markdown field: the bar above it, and the preview that the server renders: beside the text on wide
// screens while somebody types, behind the buttons Write and Preview on narrow ones.

import '../vendor/markdown-toolbar-element.js'

const PAUSE = 600 // milliseconds without a key before the preview is asked for
const wide = matchMedia('(min-width: 64rem)')

export function start(root) {
  root.querySelectorAll('[data-editor]').forEach(wire)
}

function wire(editor) {
  const text = editor.querySelector('textarea')
  const preview = editor.querySelector('.editor-preview')
  const buttons = editor.querySelectorAll('[data-editor-view]')
  const render = () => window.htmx.trigger(preview, 'preview')
  let timer

  function view(name) {
    editor.dataset.view = name
    for (const button of buttons) button.setAttribute('aria-pressed', button.dataset.editorView === name)
    if (name === 'preview') render()
    else text.focus()
  }

  for (const button of buttons) button.addEventListener('click', () => view(button.dataset.editorView))
  text.addEventListener('input', () => {
    clearTimeout(timer)
    if (wide.matches) timer = setTimeout(render, PAUSE)
  })
  if (wide.matches && text.value) render()
}
