// A copy button on every code block of a text that names the labels: data-copy-label and data-copied-label.

export function start(root) {
  for (const text of root.querySelectorAll('[data-copy-label]')) {
    text.querySelectorAll('pre').forEach((block) => wire(block, text.dataset))
  }
}

function wire(block, { copyLabel, copiedLabel }) {
  const button = document.createElement('button')
  const code = block.textContent
  button.type = 'button'
  button.className = 'btn copy'
  button.textContent = copyLabel
  button.setAttribute('aria-live', 'polite')
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(code)
    button.textContent = copiedLabel
    setTimeout(() => { button.textContent = copyLabel }, 2000)
  })
  // beside the block, not in it: only its own text is copied
  const frame = document.createElement('div')
  frame.className = 'code-frame'
  block.replaceWith(frame)
  frame.append(block, button)
}
