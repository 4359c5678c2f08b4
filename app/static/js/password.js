// Lets people look at the password they type. The button is in the page, hidden until it works.

export function start(root) {
  for (const box of root.querySelectorAll('[data-reveal]')) {
    const input = box.querySelector('input')
    const button = box.querySelector('button')
    const show = (visible) => {
      input.type = visible ? 'text' : 'password'
      button.setAttribute('aria-pressed', visible)
      button.textContent = visible ? button.dataset.hide : button.dataset.show
    }
    button.hidden = false
    button.addEventListener('click', () => show(input.type === 'password'))
    // sent as a password again, so that browsers do not keep it as an ordinary entry
    input.form?.addEventListener('submit', () => show(false))
  }
}
