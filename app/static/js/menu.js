// Comfort for what opens: menus close by Escape and by a click elsewhere, links open their dialog,
// and the side panel starts folded where it would push the content away.

export function start(root) {
  root.querySelectorAll('[data-dialog]').forEach(wireDialog)
  if (!matchMedia('(min-width: 64rem)').matches) {
    root.querySelectorAll('[data-fold]').forEach((fold) => { fold.open = false })
  }
}

function wireDialog(link) {
  const dialog = document.getElementById(link.dataset.dialog)
  link.addEventListener('click', (event) => {
    event.preventDefault()
    dialog.showModal()
  })
}

const openMenus = () => document.querySelectorAll('[data-menu][open]')

document.addEventListener('click', (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false
})
document.addEventListener('focusin', (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false
})
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return
  for (const menu of openMenus()) {
    menu.open = false
    menu.querySelector('summary').focus()
  }
})
