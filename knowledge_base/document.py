"""What is indexed and what is found: plain records without behaviour, shared by every part of the library."""

from __future__ import annotations

from dataclasses import dataclass

LANGUAGES = ("de", "en")


@dataclass(frozen=True, slots=True)
class Section:
    """One part of an article's body, from a heading to the next. `text` is plain text, paragraphs apart by a blank line."""

    anchor: str
    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """One article in one language, as the caller wants it to be found.

    `audiences`: a reader who holds any one of these tokens may find it. `updated_at` in epoch seconds;
    `popularity` and `helpful` from 0 to 1 only break near-ties.
    """

    key: int
    lang: str
    slug: str
    title: str
    summary: str
    keywords: tuple[str, ...]
    sections: tuple[Section, ...]
    category: str
    audiences: frozenset[str]
    updated_at: int
    popularity: float = 0.0
    helpful: float = 0.0


@dataclass(frozen=True, slots=True)
class Hit:
    """One found article. `title_html` and `snippet_html` are escaped and carry only `<mark>`."""

    key: int
    slug: str
    title: str
    title_html: str
    snippet_html: str
    score: float
    category: str
    anchor: str
    updated_at: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The passage that answers best, given only when its article stands out clearly."""

    key: int
    slug: str
    title: str
    passage_html: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Results:
    """One page of hits. `total` counts every match the reader may see; `keys` are these, best first, bounded."""

    hits: tuple[Hit, ...]
    total: int
    did_you_mean: str | None
    answer: Answer | None
    keys: tuple[int, ...]
