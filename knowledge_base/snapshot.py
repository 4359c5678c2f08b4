"""The arrays that a search reads, drawn from the postings of all segments once a generation.

Whoosh's postings say which words stand where; here they become forms, stems, compound parts and ready-made
BM25 weights per stem and article, so that a search only adds up numbers. Articles are numbered per language.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np

from knowledge_base.arrayfile import Array, Arrays, Strings, concatenated, distinct, lists, ranges
from knowledge_base.document import LANGUAGES
from knowledge_base.store import FIELDS
from knowledge_base.vocabulary import grams, hashes_of, vocabulary_arrays

# Weight of a field, and how much its length counts (BM25's b). Parts of compounds count on their own, lower.
BOOST = {"title": 2.2, "keywords": 1.6, "headings": 1.2, "summary": 1.1, "body": 1.0}
LENGTH_NORM = {"title": 0.45, "keywords": 0.3, "headings": 0.5, "summary": 0.5, "body": 0.6}
PART_BOOST = 0.7
SATURATION = 1.2


Snapshot = tuple[Arrays, dict[str, Any]]  # the arrays, and names that belong to them


class Segment(NamedTuple):
    """One Whoosh segment: its occurrences, its documents, its first document number, the deleted ones."""

    arrays: Arrays
    documents: list[dict[str, Any]]
    offset: int
    deleted: frozenset[int]


def build(segments: list[Segment], previous: Snapshot | None = None) -> Snapshot:
    """Everything a search needs, per language (`<lang>.<array>`), and the names of audiences and categories.

    `previous`: an earlier snapshot of the same analysis; it saves time and changes nothing.
    """
    arrays: Arrays = {}
    facts: dict[str, Any] = {}
    before, known = previous or ({}, {})
    for lang in LANGUAGES:
        old = {name.removeprefix(f"{lang}."): a for name, a in before.items() if name.startswith(f"{lang}.")}
        made, named = _build_language(segments, lang, old, known.get(lang, {}))
        arrays.update({f"{lang}.{name}": array for name, array in made.items()})
        facts[lang] = named
    return arrays, facts


def _build_language(
    segments: list[Segment], lang: str, previous: Arrays, known: dict[str, Any]
) -> tuple[Arrays, dict[str, Any]]:
    docs, made, named = _documents(segments, lang)
    vocabulary, rows = _occurrences(segments, lang, docs)
    named["text"] = _fingerprint(vocabulary, rows, len(made["key"]))
    if known.get("text") == named["text"]:
        return {**previous, **made}, named
    made.update(_text(vocabulary, rows, len(made["key"]), lang, previous))
    return made, named


def _text(vocabulary: list[str], rows: Rows, count: int, lang: str, previous: Arrays) -> Arrays:
    """All that follows from which words stand where."""
    made = vocabulary_arrays(vocabulary, rows.word, rows.doc, lang, previous)
    rows = rows._replace(word=made.pop("form_of_word")[rows.word])
    made.update(_forward(rows, count))
    made.update(_weights(rows, made, count))
    made.update(_title_grams(rows, made, count))
    return made


def _fingerprint(vocabulary: list[str], rows: Rows, count: int) -> str:
    """The same for the same words at the same places, in the same order of articles."""
    made = hashlib.blake2b(digest_size=16)
    made.update(f"{count} {' '.join(vocabulary)}".encode("utf-8", "surrogatepass"))
    for column in rows:
        made.update(np.ascontiguousarray(column).data)
    return made.hexdigest()


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
        "title": hashes_of(facts["title"] for facts in found),
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
    keys, first = distinct(every)
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
    pairs, first = distinct(pair)
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
    pairs, _ = distinct(code_row.astype(np.int64) * max(count, 1) + docs)
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
