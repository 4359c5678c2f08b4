"""Words that mean the same to a customer: groups built in per language and groups kept by an administrator.

Both act on the query alone, so a change is in effect at once and needs no new index.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from knowledge_base.analysis import clean, fold, normal, stem, words

Phrase = tuple[str, ...]  # the stems of one word or of several in a row


def phrase(text: str, lang: str) -> Phrase:
    """The stems of a synonym as written by a person; empty when it holds no word."""
    return tuple(stem(fold(w.text, lang), lang) for w in words(clean(text)) if not w.whole)


EQUAL = 1.0
RELATED = 0.6


class SynonymTable:
    """The groups of one language, looked up by the stems of any member: other members and how close they are."""

    def __init__(self, groups: Iterable[tuple[float, Iterable[str]]], lang: str) -> None:
        self.alternatives: dict[Phrase, dict[Phrase, float]] = {}
        for closeness, group in groups:
            phrases = list(dict.fromkeys(p for text in group if (p := phrase(text, lang))))
            for member in phrases:
                known = self.alternatives.setdefault(member, {})
                for other in phrases:
                    if other != member:
                        known[other] = max(closeness, known.get(other, 0.0))
        self.longest = max(map(len, self.alternatives), default=0)


@dataclass(frozen=True, eq=False)
class SynonymSet:
    """What an administrator keeps: groups of equal words and further stop words, each per language.

    Make one when the stored list changes and pass the same object to every search: its tables are built once.
    """

    groups: Mapping[str, Iterable[Iterable[str]]] = field(default_factory=dict)
    stop_words: Mapping[str, Iterable[str]] = field(default_factory=dict)
    _tables: dict[str, SynonymTable] = field(default_factory=dict, init=False, repr=False)
    _stops: dict[str, frozenset[str]] = field(default_factory=dict, init=False, repr=False)

    def table(self, lang: str) -> SynonymTable:
        if lang not in self._tables:
            self._tables[lang] = SynonymTable(((EQUAL, group) for group in self.groups.get(lang, ())), lang)
        return self._tables[lang]

    def stops(self, lang: str) -> frozenset[str]:
        if lang not in self._stops:
            self._stops[lang] = frozenset(fold(normal(w), lang) for w in self.stop_words.get(lang, ()))
        return self._stops[lang]


@lru_cache(maxsize=8)
def built_in(lang: str) -> SynonymTable:
    """The groups that come with the library: `words/synonyms_<lang>.txt`, one a line, members apart by commas."""
    text = (Path(__file__).parent / "words" / f"synonyms_{lang}.txt").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return SynonymTable(
        ((RELATED if line[0] == "~" else EQUAL, line.lstrip("~").split(",")) for line in lines), lang
    )
