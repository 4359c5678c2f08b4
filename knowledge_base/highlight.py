"""The best passage of a found article, escaped, with `<mark>` on what was found.

Where words stand is known from the index, so a text is cut and marked without being read again.
"""

from __future__ import annotations

import html
import re
from typing import Any, NamedTuple

import numpy as np

from knowledge_base.analysis import chain_at, fold
from knowledge_base.arrayfile import Array
from knowledge_base.partition import Partition
from knowledge_base.store import PARAGRAPH

SNIPPET = 200
PASSAGE = 600
SHORT = 120  # letters; a paragraph below that does not answer alone
_HITS = 96  # found words of one article that are looked at
_SENTENCE = re.compile(r"[.!?:]\s+|\n+")
_SPACE = re.compile(r"\s+")


class Passage(NamedTuple):
    """A cut text as HTML, the anchor of its section, and how many different typed words it holds."""

    html: str
    anchor: str
    words: int


NOTHING = Passage("", "", 0)


class _Found(NamedTuple):
    """The found words of one field: where each begins in the text, its form, the typed word it answers."""

    starts: Array
    forms: Array
    terms: Array


def title(partition: Partition, doc: int, facts: dict[str, Any], marked: Array) -> str:
    """The whole title, marked."""
    return _marked(
        partition, facts["title"], 0, len(facts["title"]), _found(partition, doc, facts, "title", marked)
    )


def passage(partition: Partition, doc: int, facts: dict[str, Any], marked: Array) -> Passage:
    """The stretch of the body that holds most of the typed words; the summary or beginning when it holds none."""
    found = _found(partition, doc, facts, "body", marked)
    place = _best_place(partition, doc, facts, marked, found, SNIPPET * 3 // 4)
    if not place.words:
        name = "summary" if facts["summary"] else "body"
        return Passage(
            _shown(partition, facts[name], 0, SNIPPET, _found(partition, doc, facts, name, marked)), "", 0
        )
    begin = place.at if place.opens else _sentence_start(facts["body"], place.at, SNIPPET // 4)
    return Passage(
        _shown(partition, facts["body"], begin, SNIPPET, found), _anchor(facts, place.at), place.words
    )


def answer(partition: Partition, doc: int, facts: dict[str, Any], marked: Array) -> Passage:
    """The paragraph of the body that holds most of the typed words, with the next one when it is short.

    Its `words` are those that it, its heading, or the title shown above it holds.
    """
    text = facts["body"]
    found = _found(partition, doc, facts, "body", marked)
    place = _best_place(partition, doc, facts, marked, found, PASSAGE // 2)
    if not place.words:
        return NOTHING
    begin = text.rfind(PARAGRAPH, 0, place.at) + len(PARAGRAPH) if PARAGRAPH in text[: place.at] else 0
    if place.at - begin > PASSAGE // 2:
        begin = _sentence_start(text, place.at, PASSAGE // 4)
    end = text.find(PARAGRAPH, max(place.at, begin + SHORT))
    length = min(PASSAGE, (end if end >= 0 else len(text)) - begin)
    shown = found.terms[(found.starts >= begin) & (found.starts < begin + length)]
    named = _found(partition, doc, facts, "title", marked).terms
    words = max(place.words, len(np.unique(np.concatenate([shown, named]))))
    return Passage(_shown(partition, text, begin, length, found), _anchor(facts, place.at), words)


class _Place(NamedTuple):
    """A place in the body: how many different typed words stand from there on, and whether a section opens there."""

    at: int
    words: int
    opens: bool


def _best_place(
    partition: Partition, doc: int, facts: dict[str, Any], marked: Array, found: _Found, reach: int
) -> _Place:
    """The densest stretch of the body, unless a heading alone already names as many of the typed words."""
    best = _Place(*_densest(found, reach), opens=False) if len(found.starts) else _Place(0, 0, opens=False)
    headings = _found(partition, doc, facts, "headings", marked)
    begin = 0
    for _, heading, offset in facts["sections"] if len(headings.starts) else ():
        end = begin + len(heading) + len(PARAGRAPH)
        inside = (headings.starts >= begin) & (headings.starts < end)
        named = len(np.unique(headings.terms[inside]))
        if named and (named > best.words or (named == best.words and not best.opens)):
            best = _Place(offset, named, opens=True)
        begin = end
    return best


def _anchor(facts: dict[str, Any], at: int) -> str:
    """The anchor of the section that holds this place of the body."""
    return next((anchor for anchor, _, offset in reversed(facts["sections"]) if offset <= at), "")


def _found(partition: Partition, doc: int, facts: dict[str, Any], field: str, marked: Array) -> _Found:
    forms, positions = partition.tokens(doc, field)
    terms = marked[forms]
    hits = np.flatnonzero(terms)[:_HITS]
    starts = np.frombuffer(facts["starts"][field], np.uint32)[positions[hits]]
    return _Found(starts.astype(np.int64), forms[hits], terms[hits])


def _densest(found: _Found, reach: int) -> tuple[int, int]:
    """Where the `reach` letters begin that hold most different typed words, and how many these are."""
    inside = (found.starts >= found.starts[:, None]) & (found.starts < found.starts[:, None] + reach)
    terms = np.unique(found.terms)
    different = (inside @ (found.terms[:, None] == terms)).sum(axis=1)
    best = int(np.argmax(different + 0.02 * np.minimum(inside.sum(axis=1), 10)))
    return int(found.starts[best]), int(different[best])


def _sentence_start(text: str, at: int, reach: int) -> int:
    low = max(0, at - reach)
    if not low:
        return 0
    ends = [m.end() for m in _SENTENCE.finditer(text, low, at)]
    if ends:
        return ends[-1]
    space = text.find(" ", low, at)
    return space + 1 if space >= 0 else at


def _shown(partition: Partition, text: str, begin: int, length: int, found: _Found) -> str:
    """About `length` letters from `begin`, ended at a space, with dots where a line was cut."""
    end = min(len(text), begin + length)
    if not _at_break(text, end):
        space = max(text.rfind(" ", begin, end), text.rfind("\n", begin, end))
        end = space if space > begin + length // 2 else end
    shown = _SPACE.sub(" ", _marked(partition, text, begin, end, found)).strip()
    opens = not begin or text[begin - 1] == "\n"
    return ("" if opens else "… ") + shown + ("" if _at_break(text, end) else " …")


def _at_break(text: str, at: int) -> bool:
    return at >= len(text) or text[at] == "\n"


def _marked(partition: Partition, text: str, begin: int, end: int, found: _Found) -> str:
    """`text[begin:end]` escaped, with the found words in `<mark>`."""
    out, at = [], begin
    low, high = np.searchsorted(found.starts, (begin, end))
    for start, form in zip(found.starts[low:high].tolist(), found.forms[low:high].tolist(), strict=True):
        stop = min(_stop(partition, text, start, form), end)
        if start < at or stop <= start:
            continue
        out += [html.escape(text[at:start]), "<mark>", html.escape(text[start:stop]), "</mark>"]
        at = stop
    out.append(html.escape(text[at:end]))
    return "".join(out)


def _stop(partition: Partition, text: str, start: int, form: int) -> int:
    """Where the word with this form ends that begins at `start`: a part of a tied chain, or the whole chain."""
    first, whole, chain_end = chain_at(text, start)
    if chain_end != first and partition.forms[form] == fold(whole, partition.lang):
        return chain_end
    return first
