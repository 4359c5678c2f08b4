"""The best passage of a found article, escaped, with `<mark>` on what was found."""

from __future__ import annotations

import html
import re
from typing import Any, NamedTuple

import numpy as np

from knowledge_base.analysis import fold, words
from knowledge_base.arrayfile import Array
from knowledge_base.partition import Partition
from knowledge_base.store import FIELDS

SNIPPET = 200
PASSAGE = 600
_MARKS = 96
_SENTENCE = re.compile(r"[.!?:]\s+|\n+")


class Passage(NamedTuple):
    html: str
    anchor: str
    words: int  # how many different typed words it holds


def mark(partition: Partition, text: str, marked: Array) -> str:
    """`text` escaped, the words whose form is marked in `<mark>`."""
    found = list(words(text))
    numbers = partition.form_numbers([fold(w.text, partition.lang) for w in found])
    out, at = [], 0
    for word, number in zip(found, numbers, strict=True):
        if number < 0 or not marked[number] or word.start < at:
            continue
        out += [
            html.escape(text[at : word.start]),
            "<mark>",
            html.escape(text[word.start : word.end]),
            "</mark>",
        ]
        at = word.end
    out.append(html.escape(text[at:]))
    return "".join(out)


def passage(
    partition: Partition, doc: int, facts: dict[str, Any], marked: Array, length: int = SNIPPET
) -> Passage:
    """The stretch of the body that holds most of the typed words; the summary or beginning when it holds none."""
    text = facts["body"]
    starts = np.frombuffer(facts["starts"], np.uint32)
    at = doc * len(FIELDS) + FIELDS.index("body")
    rows = slice(int(partition["token_at"][at]), int(partition["token_at"][at + 1]))
    word = marked[partition["token"][rows]]
    hits = np.flatnonzero(word)[:_MARKS]
    if not len(hits):
        lead = facts["summary"] or text
        return Passage(mark(partition, _cut(lead, 0, length), marked), "", 0)
    chars = starts[partition["position"][rows][hits]].astype(np.int64)
    owners = word[hits]
    inside = (chars[None, :] >= chars[:, None]) & (chars[None, :] < chars[:, None] + length * 3 // 4)
    different = sum(
        (inside & (owners == number)[None, :]).any(axis=1).astype(float) for number in set(owners.tolist())
    )
    best = int(np.argmax(different + 0.02 * np.minimum(inside.sum(axis=1), 10)))
    begin = _sentence_start(text, int(chars[best]), length // 4)
    anchor = next((a for a, _, offset in reversed(facts["sections"]) if offset <= int(chars[best])), "")
    return Passage(mark(partition, _cut(text, begin, length), marked), anchor, int(different[best]))


def _sentence_start(text: str, at: int, reach: int) -> int:
    low = max(0, at - reach)
    if not low:
        return 0
    ends = [m.end() for m in _SENTENCE.finditer(text, low, at)]
    if ends:
        return ends[-1]
    space = text.find(" ", low, at)
    return space + 1 if space >= 0 else at


def _cut(text: str, begin: int, length: int) -> str:
    """`length` letters from `begin`, ended at a space, with dots where something was left out."""
    end = min(len(text), begin + length)
    if end < len(text):
        space = max(text.rfind(" ", begin, end), text.rfind("\n", begin, end))
        end = space if space > begin + length // 2 else end
    shown = " ".join(text[begin:end].split())
    return ("… " if begin else "") + shown + (" …" if end < len(text) else "")
