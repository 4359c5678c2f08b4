// From a search over an article to a request: the link carries the search along, so that it can be counted which
// searches did not help. Nothing is stored on the device.

export function start(root) {
  const from = URL.canParse(document.referrer) && new URL(document.referrer)
  const lang = from && from.origin === location.origin && from.pathname.match(/^\/([a-z]{2})\/search$/)?.[1]
  const text = lang && from.searchParams.get('q')?.trim()
  if (!text) return
  for (const link of root.querySelectorAll('a[href="/tickets/new"]')) {
    link.href = `/tickets/new?searched=${encodeURIComponent(`${lang}:${text}`)}`
  }
}
