"""What can be learned from a vocabulary alone: parts of compounds, related verb forms, near spellings.

Pure functions on words; they ask the vocabulary through a callable and know nothing of documents.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path

from knowledge_base.analysis import fold, normal, read_words

MIN_PART = 3
COMMON = 3  # articles with a form; how many more there are changes no split
MAX_COST = 1.85  # of a part on average; above, the parts are too short or too rare to be meant
_LINKS = ("", "s", "es", "n", "en", "e", "er", "ens")
# What looks like a word inside a word but is an ending or a prefix.
_NOT_PARTS = read_words("not_parts.txt")
_SEPARABLE = read_words("separable_de.txt")
_PREFIXES = sorted(_SEPARABLE | read_words("inseparable_de.txt"), key=lambda prefix: (-len(prefix), prefix))
_PREFIXED = re.compile(rf"({'|'.join(_PREFIXES)})?(zu|ge)?(.{{3,}})")
_ADJECTIVE = re.compile(r"(.+?(?:t|en|end))e[nmrs]?")
# Endings of a weak verb's forms and of nouns made from it; what remains plus "en" is the infinitive.
_LATIN_NOUN = re.compile(r"(.{3,})ation(?:en)?")  # Registration: registrieren
_VERB_ENDING = re.compile(r"(.{3,}?)(?:e?te[nt]?|e?test|(?<!s)e?st|e?t|ende?|ung(?:en)?|e)")


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
            if not known or (len(form) == MIN_PART and known < COMMON):
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
    return forms if len(forms) > 1 and cost <= MAX_COST * len(forms) else ()


def base_forms(form: str, lang: str) -> tuple[str, ...]:
    """Infinitives that a verb form or a noun in -ung may come from, best guess first.

    "eingeloggt" -> "einloggen", "bezahlt" -> "bezahlen", "hochgeladen" -> "hochladen", "sent" -> "send". Guesses
    that are no words do no harm: nobody types them.
    """
    irregular = _irregular(lang)
    if lang != "de":
        return irregular.get(form, ())
    if match := _LATIN_NOUN.fullmatch(form):
        return (match[1] + "ieren",)
    bare = match[1] if (match := _ADJECTIVE.fullmatch(form)) else form
    found: dict[str, None] = {}
    for text in dict.fromkeys((form, bare)):
        for prefix, between, rest in _readings(text):
            found.update(dict.fromkeys(prefix + base for base in irregular.get(between + rest, ())))
            ending = _VERB_ENDING.fullmatch(rest)
            if between == "zu" and rest.endswith(("en", "ern", "eln")):
                found[prefix + rest] = None
            elif ending and between != "zu" and len(text) > 4:
                found[prefix + ending[1] + ("n" if re.search("(?<!i)er$|el$", ending[1]) else "en")] = None
    found.pop(form, None)
    return tuple(found)[:3]


def _readings(text: str) -> list[tuple[str, str, str]]:
    """The ways to read a verb form: (prefix, "ge" or "zu" between, rest)."""
    readings = []
    if (match := _PREFIXED.fullmatch(text)) and match[2]:
        readings.append((match[1] or "", match[2], match[3]))
    readings.append(("", "", text))
    if match and match[1]:
        readings.append((match[1], "", match[3]))
    return readings


@lru_cache(maxsize=4)
def _irregular(lang: str) -> dict[str, tuple[str, ...]]:
    """Folded irregular form -> infinitives, from `words/verbs_<lang>.txt`."""
    made: dict[str, tuple[str, ...]] = {}
    text = (Path(__file__).parent / "words" / f"verbs_{lang}.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if not line.startswith("#"):
            infinitive, *forms = (fold(normal(word), lang) for word in line.split())
            for form in forms:
                made[form] = (*made.get(form, ()), infinitive)
    return made


def separable(particle: str) -> bool:
    """Whether a folded word may be the split-off beginning of a German verb ("melde mich an")."""
    return particle in _SEPARABLE


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
