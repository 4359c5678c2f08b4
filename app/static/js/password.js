// Lets people look at the password they type. The button is in the page, hidden until it works; it carries the
// words of its other state in data-text and data-label, and the two swap with every turn.

export function start(root) {
  for (const box of root.querySelectorAll('[data-reveal]')) {
    const input = box.querySelector('input')
    const button = box.querySelector('button')

    function turn() {
      input.type = input.type === 'password' ? 'text' : 'password'
      const { text, label } = button.dataset
      button.dataset.text = button.textContent
      button.dataset.label = button.getAttribute('aria-label')
      button.textContent = text
      button.setAttribute('aria-label', label)
    }

    button.hidden = false
    button.addEventListener('click', turn)
    // sent as a password again, so that browsers do not keep it as an ordinary entry
    input.form?.addEventListener('submit', () => {
      if (input.type === 'text') turn()
    })
  }
}
