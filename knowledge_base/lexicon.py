"""What can be learned from a vocabulary alone: parts of compounds, related verb forms, near spellings.

Pure functions on words; they ask the vocabulary through a callable and know nothing of documents.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

MIN_PART = 3
_LINKS = ("", "s", "es", "n", "en", "e", "er", "ens")
# What looks like a word inside a word but is an ending or a prefix.
_NOT_PARTS = frozenset(
    [
        "aber",
        "alle",
        "als",
        "auf",
        "aus",
        "bei",
        "bar",
        "das",
        "dem",
        "den",
        "der",
        "des",
        "die",
        "ein",
        "eine",
        "einen",
        "einer",
        "ent",
        "erei",
        "haft",
        "halt",
        "heit",
        "hin",
        "her",
        "ich",
        "ier",
        "ige",
        "iger",
        "igen",
        "ische",
        "ischen",
        "isch",
        "keit",
        "lich",
        "liche",
        "lichen",
        "licher",
        "los",
        "lose",
        "man",
        "mal",
        "mit",
        "nach",
        "nen",
        "ner",
        "non",
        "not",
        "nur",
        "ohne",
        "per",
        "pro",
        "qua",
        "sam",
        "schaft",
        "sch",
        "sein",
        "ser",
        "sie",
        "sind",
        "ste",
        "sten",
        "ter",
        "tum",
        "und",
        "ung",
        "ungen",
        "uns",
        "ver",
        "vor",
        "war",
        "was",
        "weg",
        "wer",
        "wie",
        "zer",
        "zum",
        "zur",
        "able",
        "age",
        "ance",
        "ant",
        "ate",
        "ation",
        "ble",
        "con",
        "dis",
        "ence",
        "ent",
        "ers",
        "est",
        "for",
        "ful",
        "ing",
        "ings",
        "ion",
        "ions",
        "ish",
        "ism",
        "ist",
        "ity",
        "ive",
        "less",
        "ment",
        "ness",
        "ous",
        "out",
        "pre",
        "pro",
        "sub",
        "the",
        "tion",
        "tions",
        "und",
        "ure",
        "was",
        "able",
        "ted",
        "ten",
        "tes",
        "ens",
        "ier",
        "ell",
        "elle",
        "ellen",
        "iert",
        "ieren",
        "ert",
    ]
)
_PARTICIPLE = re.compile(
    r"(ab|an|auf|aus|bei|durch|ein|fest|frei|her|hin|hinzu|los|mit|nach|um|vor|weg|weiter|wieder|zu|zuruck|zusammen)?"
    r"ge(.{2,}?)(t|et|en)(?:e[nmrs]?)?"
)
_INFINITIVE_ZU = re.compile(
    r"(ab|an|auf|aus|bei|durch|ein|fest|frei|her|hin|hinzu|los|mit|nach|um|vor|weg|weiter|wieder|zuruck|zusammen)zu(.{2,}e[rl]?n)"
)


def split(word: str, lang: str, strength: Callable[[str], int]) -> tuple[str, ...]:
    """The parts of a compound, or () when it is none.

    `strength` tells in how many documents a form stands (0: unknown). Parts must be known; few long parts win.
    """
    if len(word) < 2 * MIN_PART + (lang == "de") or not word.isalpha():
        return ()
    links = _LINKS if lang == "de" else ("", "s")

    @cache
    def part(text: str, last: bool) -> tuple[float, str]:
        """The best form behind `text`, link removed: (cost, form)."""
        best = (99.0, "")
        for link in ("",) if last else links:
            if link and not text.endswith(link):
                continue
            form = text[: len(text) - len(link)]
            if len(form) < MIN_PART or form in _NOT_PARTS:
                continue
            known = strength(form)
            if not known or (len(form) == MIN_PART and known < 3):
                continue
            cost = 1.0 + (0.25 if link else 0.0) + (1.2 if len(form) == 3 else 0.4 if len(form) == 4 else 0.0)
            cost += 0.3 if known < 2 else 0.0
            best = min(best, (cost, form))
        return best

    @cache
    def rest(start: int) -> tuple[float, tuple[str, ...]]:
        best: tuple[float, tuple[str, ...]] = (99.0, ())
        if start:
            cost, form = part(word[start:], True)
            best = (cost, (form,))
        for end in range(start + MIN_PART, len(word) - MIN_PART + 1):
            cost, form = part(word[start:end], False)
            if cost < 90:
                further, forms = rest(end)
                best = min(best, (cost + further, (form, *forms)))
        return best

    cost, forms = rest(0)
    return forms if cost <= 1.6 * len(word) / 5 and len(forms) > 1 and cost < 90 else ()


def base_forms(form: str, lang: str) -> tuple[str, ...]:
    """Infinitives that a German participle or zu-infinitive may come from ("eingeloggt" -> "einloggen")."""
    if lang != "de" or len(form) < 6:
        return ()
    found = []
    if match := _PARTICIPLE.fullmatch(form):
        found.append(f"{match[1] or ''}{match[2]}en")
    if match := _INFINITIVE_ZU.fullmatch(form):
        found.append(match[1] + match[2])
    return tuple(found)


def allowed_distance(length: int) -> int:
    """How many slips a word of this length may hold."""
    return 0 if length < 4 else 1 if length < 6 else 2 if length < 10 else 3


def distance(one: str, other: str, limit: int) -> int:
    """Edits between two words, a swap of neighbours counting one; anything above `limit` is `limit + 1`."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        before, last = last, row
    return min(last[-1], limit + 1)
