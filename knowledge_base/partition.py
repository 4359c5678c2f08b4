"""One language of a snapshot, ready to be asked: words to numbers, neighbours of a word, who may see what.

Reads the arrays that `snapshot` made and never changes them, so any number of threads may ask at once.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from typing import Any

import numpy as np

from knowledge_base.analysis import stem
from knowledge_base.arrayfile import Array, Arrays, Strings, ranges
from knowledge_base.lexicon import allowed_distance, distance, split
from knowledge_base.store import FIELDS
from knowledge_base.synonyms import built_in
from knowledge_base.vocabulary import bigrams, grams, hash_of, hashes_of

_CANDIDATES = 30  # near spellings by shared letter pairs that are measured exactly
_REMEMBERED = 4096


class Partition:
    """The articles of one language in one generation."""

    def __init__(self, lang: str, arrays: Arrays, facts: dict[str, Any]) -> None:
        self.lang = lang
        self._arrays = {name.split(".", 1)[1]: a for name, a in arrays.items() if name.startswith(f"{lang}.")}
        self._audiences: dict[str, int] = {name: i for i, name in enumerate(facts[lang]["audiences"])}
        self._categories: list[str] = facts[lang]["categories"]
        self.forms = Strings(self["form"], self["form_at"])
        self._spellings = Strings(self["spelling"], self["spelling_at"])
        self.count = len(self["key"])
        self.near = lru_cache(_REMEMBERED)(self._near)
        self.near_prefix = lru_cache(_REMEMBERED)(self._near_prefix)
        self.parts = lru_cache(_REMEMBERED)(self._parts)
        self.visible = lru_cache(64)(self._visible)

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]

    def form(self, text: str) -> int:
        """The number of a folded form, -1 when no article holds it."""
        wanted = np.uint64(hash_of(text))
        at = int(np.searchsorted(self["form_hash"], wanted))
        return (
            int(self["form_number"][at])
            if at < len(self["form_hash"]) and self["form_hash"][at] == wanted
            else -1
        )

    def form_numbers(self, texts: list[str]) -> Array:
        """Form numbers of many texts at once, -1 for unknown ones."""
        if not texts or not len(self["form_hash"]):
            return np.full(len(texts), -1, np.int32)
        wanted = hashes_of(texts)
        at = np.minimum(np.searchsorted(self["form_hash"], wanted), len(self["form_hash"]) - 1)
        return np.where(self["form_hash"][at] == wanted, self["form_number"][at], -1)

    def stem(self, text: str) -> int:
        """The number of a stem, -1 when no article holds it."""
        wanted = np.uint64(hash_of(text))
        at = int(np.searchsorted(self["stem_hash"], wanted))
        return at if at < len(self["stem_hash"]) and self["stem_hash"][at] == wanted else -1

    def spelling(self, form: int) -> str:
        """How articles mostly write a form (lower case, umlauts kept)."""
        return self._spellings[form]

    def row(self, at: str, values: str, number: int) -> Array:
        """One list of a grouped array pair, e.g. `row("post_at", "post", stem)`."""
        starts = self[at]
        return self[values][starts[number] : starts[number + 1]]

    def tokens(self, doc: int, field: str) -> tuple[Array, Array]:
        """The forms of one field of an article, in order, and their positions."""
        at = doc * len(FIELDS) + FIELDS.index(field)
        rows = slice(int(self["token_at"][at]), int(self["token_at"][at + 1]))
        return self["token"][rows], self["position"][rows]

    def prefixed(self, prefix: str, limit: int) -> list[int]:
        """Forms that begin with `prefix`, the most used first."""
        raw = prefix.encode("utf-8", "surrogatepass")
        numbers = range(len(self.forms))
        low = bisect_left(numbers, raw, key=self.forms.raw)
        high = bisect_left(numbers, raw + b"\xff", lo=low, key=self.forms.raw)
        found = np.arange(low, high)
        if len(found) > limit:
            found = found[np.argsort(-self["form_df"][low:high], kind="stable")[:limit]]
        return [int(n) for n in found]

    def _near(self, form: str) -> tuple[tuple[int, int], ...]:
        """The three nearest known forms of a mistyped word: (form number, edits)."""
        limit = allowed_distance(len(form))
        found = []
        for number, alike in self._alike(bigrams(form)) if limit and form.isalpha() else ():
            edits = distance(form, self.forms[number], limit)
            if edits <= limit:
                found.append((edits - 0.5 * alike, -int(self["form_df"][number]), number, edits))
        return tuple((number, edits) for _, _, number, edits in sorted(found)[:3])

    def _near_prefix(self, form: str) -> tuple[tuple[int, int], ...]:
        """The three known forms whose beginning is nearest to a mistyped, unfinished word: (form number, edits)."""
        limit = 1 if len(form) < 8 else 2
        found = []
        for number, alike in self._alike(bigrams(form)[:-1]) if len(form) > 3 and form.isalpha() else ():
            known = self.forms[number]
            edits = min(distance(form, known[: len(form) + shift], limit) for shift in (-1, 0, 1))
            if edits <= limit:
                found.append((edits - 0.5 * alike, -int(self["form_df"][number]), number, edits))
        return tuple((number, edits) for _, _, number, edits in sorted(found)[:3])

    def _alike(self, pairs: list[int]) -> list[tuple[int, float]]:
        """The forms that share most letter pairs with a word: (number, share from 0 to 1)."""
        codes = np.array(sorted(set(pairs)), np.uint32)
        at = _found(self["pair_code"], codes)
        starts = self["pair_at"].astype(np.int64)
        members = self["pair"][ranges(starts[at], starts[at + 1] - starts[at])]
        shared = np.bincount(members, minlength=len(self.forms))
        alike = 2.0 * shared / (self["pair_count"] + len(codes))
        if not len(alike):
            return []
        best = np.argpartition(-alike, min(_CANDIDATES, len(alike) - 1))[:_CANDIDATES]
        return [(int(number), float(alike[number])) for number in best if alike[number] > 0.25]

    def _parts(self, form: str) -> tuple[str, ...]:
        """The parts of a compound that is typed, whether an article holds it or not; our own lists know words too."""
        inner = (
            {form[i:j] for i in range(len(form)) for j in range(i + 3, len(form) + 1)}
            if len(form) < 40
            else set()
        )
        texts = sorted(inner - {form})
        numbers = self.form_numbers(texts)
        strength = {t: int(self["form_df"][n]) for t, n in zip(texts, numbers, strict=True) if n >= 0}
        listed = built_in(self.lang).alternatives
        return split(
            form, self.lang, lambda t: strength.get(t) or int(len(t) > 4 and (stem(t, self.lang),) in listed)
        )

    def gram_rows(self, form: str) -> Array:
        """Rows of the title 4-grams of a word that some title holds."""
        return _found(self["gram_code"], np.array(sorted(set(grams(form))), np.uint32))

    def titled(self, key: str) -> Array:
        """The articles with exactly this title (see `analysis.title_key`)."""
        return np.flatnonzero(self["title"] == np.uint64(hash_of(key)))

    def _visible(self, audiences: frozenset[str], category: str | None) -> Array:
        """Which articles a reader with these tokens may see, in a category and those below it (None: all)."""
        allowed = np.zeros(self.count, bool)
        for token in audiences:
            if (number := self._audiences.get(token)) is not None:
                allowed[self.row("audience_at", "audience", number)] = True
        if category:
            inside = [name == category or name.startswith(category + "/") for name in self._categories]
            allowed &= np.array(inside, bool)[self["category"]] if self._categories else False
        return allowed


def _found(known: Array, wanted: Array) -> Array:
    """Where in the sorted `known` the values stand that are `wanted`."""
    if not len(known):
        return np.zeros(0, np.int64)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    hit: Array = at[known[at] == wanted]
    return hit
