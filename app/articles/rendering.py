"""The text of an article as a page shows it: safe HTML, headings to jump to, minutes to read. Kept by revision."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from app import markup
from app.articles import queries
from app.articles.memory import Memory
from app.articles.queries import Reading

WORDS_A_MINUTE = 200
FEWEST_HEADINGS = 3  # a shorter list of contents helps nobody


@dataclass(frozen=True, slots=True)
class Page:
    """`contents` holds (anchor, heading) of the second and third level's top, or nothing for a short text."""

    html: str
    contents: tuple[tuple[str, str], ...]
    minutes: int


def page(text: str, lang: str) -> Page:
    """A text written in Markdown, as its page shows it."""
    rendered = markup.render(text, resolve=lambda address: link(address, lang))
    top = min((heading.level for heading in rendered.headings), default=2)
    contents = tuple((h.anchor, h.text) for h in rendered.headings if h.level == top)
    words = len(markup.plain_text(text).split())
    return Page(
        rendered.html,
        contents if len(contents) >= FEWEST_HEADINGS else (),
        max(1, round(words / WORDS_A_MINUTE)),
    )


def kept_page(session: Session, memory: Memory, reading: Reading, lang: str) -> Page:
    """The same for a published revision. It never changes, unless a passage is removed from it for good."""
    key = (reading.id, reading.number, reading.updated_at)
    return memory.pages.get(key, lambda: page(queries.body(session, reading.id, reading.number), lang))


def link(address: str, lang: str) -> str:
    """Where a link without a scheme leads: another article ("returns#costs"), or a term ("glossary/sla")."""
    kind, slash, name = address.removesuffix(".md").rpartition("/")
    if slash and kind.endswith("glossary"):
        return f"/{lang}/glossary#{name}"
    return f"/{lang}/articles/{name}"
