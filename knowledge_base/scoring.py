"""From the words of a query to scores: ready-made weights added up in numpy, then nearness for the best articles."""

from __future__ import annotations

import numpy as np

from knowledge_base.arrayfile import Array, ranges
from knowledge_base.partition import Partition
from knowledge_base.query import Alternatives, Query, Term
from knowledge_base.store import FIELDS

GRAM_WEIGHT = 0.2
GRAM_UNKNOWN = 2.0  # times that, for words no article holds
NEAR_WEIGHT = 0.06
COVERAGE = 0.35
EXACT_TITLE = 1.0
PRIOR = 0.03
RERANKED = 40
KEPT = 0.1


def score(partition: Partition, query: Query) -> Array:
    """A score for every article (0: no match), not yet filtered by what the reader may see."""
    total = np.zeros(partition.count, np.float32)
    covered = np.zeros(partition.count, np.float32)
    weights = 0.0
    for term in query.terms:
        own = term_scores(partition, term)
        share = term.weight * _rarity(partition, term)
        total += term.weight * own
        covered += share * (own > 0)
        weights += share
    if weights:
        total *= 1 - COVERAGE + COVERAGE * covered / weights
    return total


def _rarity(partition: Partition, term: Term) -> float:
    if not term.stems:
        return 2.0
    return float(max(partition["idf"][number] for number in term.stems))


def term_scores(partition: Partition, term: Term) -> Array:
    """What one typed word gives each article: the best of its alternatives."""
    best = _best(partition, term.stems)
    for together, weight in term.sums:
        total = sum((_best(partition, part) for part in together), np.zeros(partition.count, np.float32))
        np.maximum(best, total * (weight / len(together) ** 0.5), out=best)
    return best


def _best(partition: Partition, stems: Alternatives) -> Array:
    best = np.zeros(partition.count, np.float32)
    for number, weight in stems.items():
        docs = partition.row("post_at", "post", number)
        best[docs] = np.maximum(best[docs], weight * partition.row("post_at", "impact", number))
    return best


def gram_scores(partition: Partition, query: Query) -> Array:
    """Title 4-grams shared with the typed words; a low weight that helps words related only by their root."""
    total = np.zeros(partition.count, np.float32)
    for term in query.terms:
        if term.stop:
            continue
        weight = 1.0 if term.known else GRAM_UNKNOWN
        for row in partition.gram_rows(term.form):
            total[partition.row("gram_at", "gram", row)] += weight * partition.row(
                "gram_at", "gram_impact", row
            )
    return total


def marks(partition: Partition, query: Query) -> Array:
    """For each form the number of the typed word that it answers (from 1; 0: none)."""
    found = np.zeros(len(partition.forms), np.uint8)
    for number, term in reversed(list(enumerate(query.terms, 1))):
        if not term.stop:
            stems = {*term.stems, *(stem for together, _ in term.sums for part in together for stem in part)}
            for rows in (("whole_at", "whole"), ("stem_form_at", "stem_form")):
                for stem in stems:
                    found[partition.row(*rows, stem)] = number
    return found


def nearness(partition: Partition, docs: Array, marked: Array) -> Array:
    """For each of `docs`, how often different typed words stand close together: in order 1, within four words 0.4."""
    fields = len(FIELDS)
    starts = partition["token_at"].astype(np.int64)
    begin, end = starts[docs.astype(np.int64) * fields], starts[(docs.astype(np.int64) + 1) * fields]
    rows = ranges(begin, end - begin)
    word = marked[partition["token"][rows]]
    kept = np.flatnonzero(word)
    owner = np.repeat(np.arange(len(docs)), end - begin)[kept]
    word, rows = word[kept].astype(np.int32), rows[kept]
    slot = np.searchsorted(starts, rows, side="right")
    position = partition["position"][rows]
    gap = np.diff(position)
    same = (np.diff(slot) == 0) & (np.diff(word) != 0) & (gap > 0)
    value = np.where(same & (gap == 1) & (np.diff(word) == 1), 1.0, np.where(same & (gap <= 4), 0.4, 0.0))
    first_field = (slot[1:] - 1) % fields == 0
    value = value * np.where(first_field, 2.0, 1.0)
    return np.minimum(np.bincount(owner[1:], weights=value, minlength=len(docs)), 4.0)


def rank(partition: Partition, query: Query, allowed: Array) -> tuple[Array, Array]:
    """The matching visible articles, best first, and their scores."""
    total = score(partition, query) * allowed
    top = float(total.max()) if partition.count else 0.0
    grams = gram_scores(partition, query) * allowed
    total += GRAM_WEIGHT * grams
    if not top and not grams.any():
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    exact = partition.titled(query.title)
    total[exact] += (total.max() + 1.0) * EXACT_TITLE * allowed[exact]
    found = np.flatnonzero(total > KEPT * total.max())
    found = found[np.argsort(-total[found], kind="stable")]
    head = found[:RERANKED]
    better = total[head] * (
        1.0
        + NEAR_WEIGHT * nearness(partition, head, marks(partition, query))
        + PRIOR * partition["prior"][head]
    )
    order = np.argsort(-better, kind="stable")
    scores = np.concatenate([better[order], total[found[RERANKED:]]])
    return np.concatenate([head[order], found[RERANKED:]]), scores
