"""The words of all articles of a language, as arrays: folded forms, their stems, parts, letter pairs.

What follows from words alone; where they stand is the business of `snapshot`.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from knowledge_base.analysis import fold, stem
from knowledge_base.arrayfile import Array, Arrays, Strings, distinct, lists
from knowledge_base.lexicon import COMMON, MIN_PART, base_forms, split

GRAM = 4
_FEW_CHANGES = 200  # words; with more, all compounds are split anew


def hash_of(text: str) -> int:
    """64 bits of a text; equal across processes."""
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little"
    )


def hashes_of(texts: Iterable[str]) -> Array:
    return np.array([hash_of(text) for text in texts], np.uint64)


def grams(form: str) -> list[int]:
    """Codes of the character 4-grams of a word; a shorter word is one gram."""
    if len(form) <= GRAM:
        return [zlib.crc32(form.encode())]
    return [zlib.crc32(form[i : i + GRAM].encode()) for i in range(len(form) - GRAM + 1)]


def bigrams(form: str) -> list[int]:
    """Codes of the letter pairs of a word, ends marked; the candidates for a mistyped word share many."""
    return [((ord(a) & 0xFFFF) << 16) | (ord(b) & 0xFFFF) for a, b in pairwise(f"\x02{form}\x03")]


def vocabulary_arrays(vocabulary: list[str], word: Array, doc: Array, lang: str, previous: Arrays) -> Arrays:
    """The folded forms in alphabetical order, with spelling, frequency, stem, parts and letter pairs."""
    count = int(doc.max(initial=0)) + 1
    uses = np.bincount(word, minlength=len(vocabulary))
    spelled: dict[str, int] = {}
    for number in np.flatnonzero(uses):
        form = fold(vocabulary[number], lang)
        if form not in spelled or uses[number] > uses[spelled[form]]:
            spelled[form] = int(number)
    forms = sorted(spelled, key=lambda form: form.encode("utf-8", "surrogatepass"))
    rank = {form: number for number, form in enumerate(forms)}
    form_of_word = np.array([rank.get(fold(text, lang), 0) for text in vocabulary], np.int32)
    pairs, _ = distinct(form_of_word[word].astype(np.int64) * count + doc)
    frequency = np.bincount(pairs // count, minlength=len(forms)).astype(np.int32)
    made: Arrays = {"form_of_word": form_of_word, "form_df": frequency}
    made["form"], made["form_at"] = Strings.pack(forms)
    made["spelling"], made["spelling_at"] = Strings.pack(vocabulary[spelled[form]] for form in forms)
    derived = _derived(forms, lang, previous)
    made["form_number"] = np.argsort(derived.own).astype(np.int32)
    made["form_hash"] = derived.own[made["form_number"]]
    made.update(_stems(forms, _splits(forms, frequency, lang, previous), derived))
    made.update(_letter_pairs(forms))
    return made


class _Derived(NamedTuple):
    """What follows from a form alone, as hashes: of itself, of its stem, of the stems of its base forms."""

    own: Array
    stem: Array
    base_form: Array  # form numbers, one for each entry of `base`
    base: Array


def _derived(forms: list[str], lang: str, previous: Arrays) -> _Derived:
    """Taken from the previous snapshot where it knows the form: stemming is the dear part of a small change."""
    known: dict[str, int] = {}
    if previous:
        old = Strings(previous["form"], previous["form_at"])
        known = {old[number]: number for number in range(len(old))}
        own_of = np.zeros(len(old), np.uint64)
        own_of[previous["form_number"]] = previous["form_hash"]
        stem_of, base_of = (
            previous["stem_hash"][previous["form_stem"]],
            previous["stem_hash"][previous["base"]],
        )
    own, stems = np.zeros(len(forms), np.uint64), np.zeros(len(forms), np.uint64)
    base_form: list[int] = []
    base: list[int] = []
    for number, form in enumerate(forms):
        found = known.get(form)
        if found is not None:
            own[number], stems[number] = own_of[found], stem_of[found]
            bases = base_of[previous["base_at"][found] : previous["base_at"][found + 1]].tolist()
        else:
            text = stem(form, lang)
            own[number], stems[number] = hash_of(form), hash_of(text)
            bases = [hash_of(other) for b in base_forms(form, lang) if (other := stem(b, lang)) != text]
        base_form.extend([number] * len(bases))
        base.extend(bases)
    return _Derived(own, stems, np.array(base_form, np.int32), np.array(base, np.uint64))


def _splits(forms: list[str], frequency: Array, lang: str, previous: Arrays) -> Array:
    """The compounds and their parts as pairs of form numbers, in order.

    A split hangs on how common the known parts are, and rare is all that matters; so those of the previous snapshot
    hold for every word that contains no form whose rarity changed.
    """
    rank = {form: number for number, form in enumerate(forms)}
    rarity = np.minimum(frequency, COMMON)
    strength = dict(zip(forms, rarity.tolist(), strict=True))
    kept: dict[str, tuple[str, ...]] = {}
    if previous:
        old = Strings(previous["form"], previous["form_at"])
        before = dict(zip(old, np.minimum(previous["form_df"], COMMON).tolist(), strict=True))
        changed = {form for form, _ in before.items() ^ strength.items() if len(form) >= MIN_PART}
        touched = re.compile("|".join(map(re.escape, sorted(changed))) or "$^")
        at, part = previous["split_at"].tolist(), previous["split"].tolist()
        for number, form in enumerate(before if len(changed) < _FEW_CHANGES else ()):
            if not touched.search(form):
                kept[form] = tuple(old[n] for n in part[at[number] : at[number + 1]])
    pairs = []
    for number, form in enumerate(forms):
        parts = kept[form] if form in kept else split(form, lang, lambda text: strength.get(text, 0))
        pairs += [(number, rank[text]) for text in parts]
    return np.array(pairs, np.int32).reshape(-1, 2)


def _stems(forms: list[str], splits: Array, derived: _Derived) -> Arrays:
    """Stem of each form, and the stems of its compound parts and base forms; a stem's number is its hash's rank."""
    compound, part = splits.T
    stems = distinct(np.concatenate([derived.stem, derived.base]))[0]
    form_stem = np.searchsorted(stems, derived.stem).astype(np.int32)
    base = np.searchsorted(stems, derived.base).astype(np.int32)
    part_form = np.concatenate([compound, derived.base_form])
    part_stem = np.concatenate([form_stem[part], base])
    made: Arrays = {"stem_hash": stems, "form_stem": form_stem}
    made["split_at"], made["split"] = lists(compound, len(forms), part)
    made["base_at"], made["base"] = lists(derived.base_form, len(forms), base)
    made["part_at"], made["part"] = lists(part_form, len(forms), part_stem)
    made["stem_form_at"], made["stem_form"] = lists(
        form_stem, len(stems), np.arange(len(forms), dtype=np.int32)
    )
    made["whole_at"], made["whole"] = lists(part_stem, len(stems), part_form)
    return made


def _letter_pairs(forms: list[str]) -> Arrays:
    """The letter pairs (see `bigrams`) of all forms made of letters, each counted once a form."""
    lettered = np.array([number for number, form in enumerate(forms) if form.isalpha()], np.int64)
    text = "".join(f"\x02{forms[number]}\x03" for number in lettered)
    letters = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    owner = np.repeat(lettered, [len(forms[number]) + 2 for number in lettered])
    inside = np.flatnonzero(owner[1:] == owner[:-1])
    codes = (letters[inside] & 0xFFFF) << 16 | (letters[inside + 1] & 0xFFFF)
    pairs, _ = distinct(owner[inside].astype(np.uint64) << 32 | codes)
    owners = (pairs >> 32).astype(np.int32)
    values, rows = np.unique((pairs & 0xFFFFFFFF).astype(np.uint32), return_inverse=True)
    starts, members = lists(rows, len(values), owners)
    sizes = np.bincount(owners, minlength=len(forms))
    return {"pair_code": values, "pair_at": starts, "pair": members, "pair_count": sizes.astype(np.uint8)}
