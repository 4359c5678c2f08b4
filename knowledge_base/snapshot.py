"""The arrays that a search reads, drawn from the postings of all segments once a generation.

Whoosh's postings say which words stand where; here they become forms, stems, compound parts and ready-made
BM25 weights per stem and article, so that a search only adds up numbers. Articles are numbered per language.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from knowledge_base.analysis import fold, stem, words
from knowledge_base.arrayfile import Array, Arrays, Strings, concatenated, lists, ranges
from knowledge_base.document import LANGUAGES
from knowledge_base.lexicon import base_forms, split
from knowledge_base.store import FIELDS

# Weight of a field, and how much its length counts (BM25's b). Parts of compounds count on their own, lower.
BOOST = {"title": 2.2, "keywords": 1.6, "headings": 1.2, "summary": 1.1, "body": 1.0}
LENGTH_NORM = {"title": 0.45, "keywords": 0.3, "headings": 0.5, "summary": 0.5, "body": 0.6}
PART_BOOST = 0.7
SATURATION = 1.2
GRAM = 4


class Segment(NamedTuple):
    """One Whoosh segment: its occurrences, its documents, its first document number, the deleted ones."""

    arrays: Arrays
    documents: list[dict[str, Any]]
    offset: int
    deleted: frozenset[int]


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


def title_key(title: str, lang: str) -> str:
    """What makes two titles the same for a reader who types one: folded words, in order."""
    return " ".join(fold(w.text, lang) for w in words(title) if not w.whole)


def build(segments: list[Segment], previous: Arrays | None = None) -> tuple[Arrays, dict[str, Any]]:
    """Everything a search needs, per language (`<lang>.<array>`), and the names of audiences and categories.

    `previous`: an earlier snapshot of the same analysis; it saves time and changes nothing.
    """
    arrays: Arrays = {}
    facts: dict[str, Any] = {}
    for lang in LANGUAGES:
        old = {
            name.removeprefix(f"{lang}."): a
            for name, a in (previous or {}).items()
            if name.startswith(f"{lang}.")
        }
        made, named = _build_language(segments, lang, old)
        arrays.update({f"{lang}.{name}": array for name, array in made.items()})
        facts[lang] = named
    return arrays, facts


def _build_language(segments: list[Segment], lang: str, previous: Arrays) -> tuple[Arrays, dict[str, Any]]:
    docs, made, named = _documents(segments, lang)
    vocabulary, rows = _occurrences(segments, lang, docs)
    count = len(made["key"])
    made.update(_forms(vocabulary, rows, count, lang, previous))
    rows = rows._replace(word=made.pop("form_of_word")[rows.word])
    made.update(_forward(rows, count))
    made.update(_weights(rows, made, count))
    made.update(_title_grams(rows, made, count))
    return made, named


def _distinct(values: Array) -> tuple[Array, Array]:
    """The distinct values in order, and where each first stands in the sorted input."""
    ordered = np.sort(values)
    first = (
        np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        if len(ordered)
        else np.zeros(0, np.int64)
    )
    return ordered[first], first


def _documents(segments: list[Segment], lang: str) -> tuple[list[Array], Arrays, dict[str, Any]]:
    """Number the living articles of a language: per segment a map from Whoosh's numbers (-1: none), and their facts."""
    maps: list[Array] = []
    found: list[dict[str, Any]] = []
    numbers: list[int] = []
    for segment in segments:
        mapping = np.full(len(segment.documents) + 1, -1, np.int32)
        for number, facts in enumerate(segment.documents):
            if facts["lang"] == lang and number not in segment.deleted:
                mapping[number] = len(found)
                found.append(facts)
                numbers.append(segment.offset + number)
        maps.append(mapping)
    audiences: dict[str, list[int]] = {}
    categories: dict[str, int] = {}
    for number, facts in enumerate(found):
        for token in facts["audiences"]:
            audiences.setdefault(token, []).append(number)
    category = [categories.setdefault(facts["category"], len(categories)) for facts in found]
    members = [np.array(a, np.int32) for a in audiences.values()]
    made: Arrays = {
        "docnum": np.array(numbers, np.uint32),
        "key": np.array([facts["key"] for facts in found], np.int64),
        "category": np.array(category, np.int32),
        "prior": np.array([0.6 * f["prior"][0] + 0.4 * f["prior"][1] for f in found], np.float32),
        "title": hashes_of(title_key(facts["title"], lang) for facts in found),
        "audience": concatenated(members, np.int32),
        "audience_at": np.cumsum([0, *map(len, members)]).astype(np.uint32),
    }
    return maps, made, {"audiences": list(audiences), "categories": list(categories)}


class Rows(NamedTuple):
    """Occurrences, one a row, in the order of the text."""

    word: Array
    doc: Array
    field: Array
    position: Array


def _occurrences(segments: list[Segment], lang: str, docs: list[Array]) -> tuple[list[str], Rows]:
    numbers: dict[str, int] = {}
    columns: list[tuple[Array, ...]] = []
    for segment, mapping in zip(segments, docs, strict=True):
        own = {name: segment.arrays[f"{lang}.{name}"] for name in ("word", "doc", "field", "position")}
        texts = Strings(segment.arrays[f"{lang}.words"], segment.arrays[f"{lang}.words_at"])
        local = np.array([numbers.setdefault(texts[i], len(numbers)) for i in range(len(texts))], np.int32)
        doc = mapping[own["doc"]]
        alive = doc >= 0
        columns.append((local[own["word"][alive]], doc[alive], own["field"][alive], own["position"][alive]))
    merged = [concatenated([c[i] for c in columns], np.int32) for i in range(4)]
    return list(numbers), Rows(*merged)


def _forms(vocabulary: list[str], rows: Rows, count: int, lang: str, previous: Arrays) -> Arrays:
    """The folded forms in alphabetical order, with spelling, frequency, stem, parts and letter pairs."""
    uses = np.bincount(rows.word, minlength=len(vocabulary))
    spelled: dict[str, int] = {}
    for number in np.flatnonzero(uses):
        form = fold(vocabulary[number], lang)
        if form not in spelled or uses[number] > uses[spelled[form]]:
            spelled[form] = int(number)
    forms = sorted(spelled, key=lambda form: form.encode("utf-8", "surrogatepass"))
    rank = {form: number for number, form in enumerate(forms)}
    form_of_word = np.array([rank.get(fold(word, lang), 0) for word in vocabulary], np.int32)
    pairs, _ = _distinct(form_of_word[rows.word].astype(np.int64) * max(count, 1) + rows.doc)
    frequency = np.bincount(pairs // max(count, 1), minlength=len(forms)).astype(np.int32)
    made: Arrays = {"form_of_word": form_of_word, "form_df": frequency}
    made["form"], made["form_at"] = Strings.pack(forms)
    made["spelling"], made["spelling_at"] = Strings.pack(vocabulary[spelled[form]] for form in forms)
    derived = _derived(forms, lang, previous)
    made["form_number"] = np.argsort(derived.own).astype(np.int32)
    made["form_hash"] = derived.own[made["form_number"]]
    made.update(_stems(forms, frequency, lang, derived))
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


def _stems(forms: list[str], frequency: Array, lang: str, derived: _Derived) -> Arrays:
    """Stem of each form, and the stems of its compound parts and base forms; a stem's number is its hash's rank."""
    rank = {form: number for number, form in enumerate(forms)}
    counts = frequency.tolist()

    def strength(text: str) -> int:
        number = rank.get(text)
        return 0 if number is None else int(counts[number])

    pairs = [
        (number, rank[part]) for number, form in enumerate(forms) for part in split(form, lang, strength)
    ]
    compound, part = np.array(pairs, np.int32).reshape(-1, 2).T
    stems = _distinct(np.concatenate([derived.stem, derived.base]))[0]
    form_stem = np.searchsorted(stems, derived.stem).astype(np.int32)
    base = np.searchsorted(stems, derived.base).astype(np.int32)
    part_form = np.concatenate([compound, derived.base_form])
    part_stem = np.concatenate([form_stem[part], base])
    made: Arrays = {"stem_hash": stems, "form_stem": form_stem}
    made["base_at"], made["base"] = lists(derived.base_form, len(forms), base)
    made["part_at"], made["part"] = lists(part_form, len(forms), part_stem)
    made["stem_form_at"], made["stem_form"] = lists(
        form_stem, len(stems), np.arange(len(forms), dtype=np.int32)
    )
    made["whole_at"], made["whole"] = lists(part_stem, len(stems), part_form)
    return made


def _letter_pairs(forms: list[str]) -> Arrays:
    codes: list[int] = []
    owner: list[int] = []
    for number, form in enumerate(forms):
        own = set(bigrams(form)) if form.isalpha() else set()
        codes.extend(own)
        owner.extend([number] * len(own))
    values, rows = np.unique(np.array(codes, np.uint32), return_inverse=True)
    starts, members = lists(rows, len(values), np.array(owner, np.int32))
    sizes = np.bincount(np.array(owner, np.int64), minlength=len(forms))
    return {"pair_code": values, "pair_at": starts, "pair": members, "pair_count": sizes.astype(np.uint8)}


def _forward(rows: Rows, count: int) -> Arrays:
    """The text of each article as form numbers: field after field, with positions."""
    slot = rows.doc.astype(np.int64) * len(FIELDS) + rows.field
    order = np.lexsort((rows.position, slot))
    starts = np.zeros(count * len(FIELDS) + 1, np.int64)
    np.cumsum(np.bincount(slot, minlength=count * len(FIELDS)), out=starts[1:])
    return {
        "token": rows.word[order].astype(np.int32),
        "position": rows.position[order].astype(np.int32),
        "token_at": starts.astype(np.uint32),
    }


def _weights(rows: Rows, made: Arrays, count: int) -> Arrays:
    """BM25 per stem and article, summed over the fields, each field with its own length norm; idf is in it."""
    fields = len(FIELDS)
    stems = len(made["stem_hash"])
    part_at = made["part_at"].astype(np.int64)
    lengths = np.diff(part_at)[rows.word]
    picked = ranges(part_at[rows.word], lengths)
    stem_row = np.concatenate([made["form_stem"][rows.word], made["part"][picked]]).astype(np.int64)
    doc_row = np.concatenate([rows.doc, np.repeat(rows.doc, lengths)]).astype(np.int64)
    field_row = np.concatenate([rows.field, np.repeat(rows.field, lengths) + fields]).astype(np.int64)
    every = (stem_row * max(count, 1) + doc_row) * 2 * fields + field_row
    keys, first = _distinct(every)
    frequency = np.diff(first, append=len(every))
    pair, field = np.divmod(keys, 2 * fields)
    doc = pair % max(count, 1)
    slot_length = np.bincount(rows.doc * fields + rows.field, minlength=count * fields).reshape(count, fields)
    used = np.maximum((slot_length > 0).sum(axis=0), 1)
    mean = np.maximum(slot_length.sum(axis=0) / used, 1.0)
    boost = np.array([BOOST[f] for f in FIELDS] + [BOOST[f] * PART_BOOST for f in FIELDS])
    norm = np.array([LENGTH_NORM[f] for f in FIELDS])
    plain = field % fields
    relative = 1.0 - norm[plain] + norm[plain] * slot_length[doc, plain] / mean[plain]
    value = boost[field] * frequency * (SATURATION + 1) / (frequency + SATURATION * relative)
    pairs, first = _distinct(pair)
    impact = np.add.reduceat(value, first) if len(first) else np.zeros(0)
    stem_of, doc_of = np.divmod(pairs, max(count, 1))
    df = np.bincount(stem_of, minlength=stems)
    idf = np.log1p((count - df + 0.5) / (df + 0.5))
    starts, docs = lists(stem_of, stems, doc_of.astype(np.int32))
    return {
        "post_at": starts,
        "post": docs,
        "impact": (impact * idf[stem_of]).astype(np.float32),
        "idf": idf.astype(np.float32),
    }


def _title_grams(rows: Rows, made: Arrays, count: int) -> Arrays:
    """The 4-grams of title words: they find what shares a root with a title but no stem."""
    in_title = rows.field == FIELDS.index("title")
    forms = Strings(made["form"], made["form_at"])
    used, row_form = np.unique(rows.word[in_title], return_inverse=True)
    per_form = [sorted(set(grams(forms[int(number)]))) for number in used]
    sizes = np.array([len(g) for g in per_form], np.int64)
    flat = np.array([code for g in per_form for code in g], np.uint32)
    picked = (
        ranges((np.cumsum(sizes) - sizes)[row_form], sizes[row_form]) if len(used) else np.zeros(0, np.int64)
    )
    docs = np.repeat(rows.doc[in_title], sizes[row_form]) if len(used) else np.zeros(0, np.int32)
    codes, code_row = np.unique(flat[picked], return_inverse=True)
    pairs, _ = _distinct(code_row.astype(np.int64) * max(count, 1) + docs)
    code, doc = np.divmod(pairs, max(count, 1))
    df = np.bincount(code, minlength=len(codes))
    length = np.bincount(doc, minlength=count)
    idf = np.log1p((count - df + 0.5) / (df + 0.5))
    norm = 0.5 + 0.5 * length / max(length.mean() if count else 1.0, 1.0)
    starts, members = lists(code, len(codes), doc.astype(np.int32))
    return {
        "gram_code": codes,
        "gram_at": starts,
        "gram": members,
        "gram_impact": (idf[code] / norm[doc]).astype(np.float32),
    }
