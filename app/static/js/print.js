// The print button of an article. Without this, the browser's own menu prints just as well.

export function start(root) {
  root.querySelectorAll('[data-print]').forEach((button) => button.addEventListener('click', () => window.print()))
}
