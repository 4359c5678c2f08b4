"""How good a ranking is: the usual measures of retrieval, on graded judgements. Knows nothing of engines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DEPTH = 10


@dataclass(frozen=True)
class Quality:
    """The measures of one query; averaged over queries they are those of an engine."""

    ndcg: float  # nDCG@10: gains 2 and 1, discounted by the logarithm of the rank
    mrr: float  # 1 / rank of the first helpful article
    recall: float  # helpful articles among the first ten, of those that could be there
    success: float  # success@3: a helpful article among the first three
    empty: float  # nothing found at all


def quality(ranking: Sequence[str], gains: Mapping[str, int]) -> Quality:
    """Judge one ranking of article ids against `gains` (2: the answer, 1: also helpful)."""
    top = list(dict.fromkeys(ranking))[:DEPTH]
    helpful = [rank for rank, key in enumerate(top) if key in gains]
    ideal = _discounted(sorted(gains.values(), reverse=True)[:DEPTH])
    return Quality(
        ndcg=_discounted([gains.get(key, 0) for key in top]) / ideal,
        mrr=1 / (helpful[0] + 1) if helpful else 0.0,
        recall=len(helpful) / min(len(gains), DEPTH),
        success=float(any(rank < 3 for rank in helpful)),
        empty=float(not top),
    )


def mean(qualities: Sequence[Quality]) -> Quality:
    """The average over queries."""
    count = len(qualities)
    return Quality(
        *(sum(getattr(q, name) for q in qualities) / count for name in Quality.__dataclass_fields__)
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all values do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 2) for rank, gain in enumerate(gains))
