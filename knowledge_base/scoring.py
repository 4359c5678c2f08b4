"""From the words of a query to scores: ready-made weights added up in numpy, then nearness for the best articles."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from knowledge_base.arrayfile import Array, ranges
from knowledge_base.partition import Partition
from knowledge_base.query import Alternatives, Query, Term
from knowledge_base.store import FIELDS

GRAM_WEIGHT = 0.2
GRAM_UNKNOWN = 2.0  # times that, for words no article holds
COVERAGE = 0.45  # share of the score that is lost when an article holds none of the typed words' weight
NEAR_WEIGHT = 0.06  # for each pair of typed words that stand close together
PRIOR = 0.03  # for the most popular and most helpful article
RERANKED = 40
KEPT = 0.1  # of the best score: below, an article is no match
UNKNOWN_RARITY = 2.0  # how much an unknown word's absence counts, compared with the idf of known ones


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
        return UNKNOWN_RARITY
    return float(max(partition["idf"][number] for number in term.stems))


def term_scores(partition: Partition, term: Term) -> Array:
    """What one typed word gives each article: the best of its alternatives."""
    best = _best(partition, _evened(partition, term))
    for together in term.sums:
        shares = [_best(partition, part) for part in together.parts]
        total = np.sum(shares, axis=0)
        if together.whole:
            total *= np.all(shares, axis=0)
        np.maximum(best, total * (together.weight / len(shares) ** 0.5), out=best)
    return best


def _evened(partition: Partition, term: Term) -> Alternatives:
    """The alternatives, none rarer than the typed word with its forms: a rare synonym or form says no more than that."""
    idf = partition["idf"]
    if not term.own:
        return term.stems
    rarity = min(float(idf[number]) for number in term.own)
    return {number: weight * min(1.0, rarity / float(idf[number])) for number, weight in term.stems.items()}


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
    """For each form the number of the typed word that it answers (from 1; 0: none).

    The words of a synonym phrase answer only for a word that no article holds; else half the text would be marked.
    """
    found = np.zeros(len(partition.forms), np.uint8)
    for number, term in reversed(list(enumerate(query.terms, 1))):
        if not term.stop:
            sums = [together for together in term.sums if not (together.whole and term.known)]
            stems = {*term.stems, *(stem for together in sums for part in together.parts for stem in part)}
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


class Ranking(NamedTuple):
    """The matching visible articles, best first, their scores, and for each form the typed word it answers."""

    docs: Array
    scores: Array
    marked: Array


def rank(partition: Partition, query: Query, allowed: Array) -> Ranking:
    """All that match among the `allowed` articles; nearness and votes are weighed for the best ones only."""
    marked = marks(partition, query)
    total = (score(partition, query) + GRAM_WEIGHT * gram_scores(partition, query)) * allowed
    top = float(total.max(initial=0.0))
    if not top:
        return Ranking(np.zeros(0, np.int64), np.zeros(0, np.float32), marked)
    found = np.flatnonzero(total > KEPT * top)
    exact = partition.titled(query.title)
    total[exact] += (top + 1.0) * allowed[exact]
    found = found[np.argsort(-total[found], kind="stable")]
    head, tail = found[:RERANKED], found[RERANKED:]
    bonus = NEAR_WEIGHT * nearness(partition, head, marked) + PRIOR * partition["prior"][head]
    better = total[head] * (1.0 + bonus)
    order = np.argsort(-better, kind="stable")
    return Ranking(
        np.concatenate([head[order], tail]),
        np.concatenate([better[order], np.minimum(total[tail], better.min())]),
        marked,
    )
