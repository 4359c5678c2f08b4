"""Measure the portal's search against other engines on judged queries and print the tables.

    python -m bench.search.evaluate CORPUS.jsonl QUERIES.tsv [CORPUS.jsonl QUERIES.tsv ...]
        [--postgresql URL] [--engine NAME ...] [--misses] [--json FILE]

Corpus: one article a line, {"id", "lang", "title", "body"}, all of one language. Queries: a heading line, then
query, class and ids apart by tabs; `a b:1` means that a is the answer and b also helps.
Typeahead: each query cut to 60 % of its letters, success within the first five.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.search.engines import Article, Engine, Fts5, Portal, PostgreSQL, WhooshDefault
from bench.search.measures import DEPTH, Quality, mean, percentile, quality

TYPED_SHARE = 0.6
SUGGESTIONS = 5


@dataclass(frozen=True)
class Judged:
    """One query with its class and the gain of each helpful article."""

    text: str
    kind: str
    gains: dict[str, int]


@dataclass(frozen=True)
class Report:
    """What one engine reached on one set: over all queries, per class, while typing, and how fast."""

    engine: str
    total: Quality
    classes: dict[str, Quality]
    typeahead: float
    p50: float  # milliseconds
    p95: float
    missed: list[str]


def read_corpus(path: Path) -> list[Article]:
    """The articles of a JSONL file; refuses a mix of languages."""
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    articles = [Article(row["id"], row["lang"], row["title"], row["body"]) for row in rows]
    if len({article.lang for article in articles}) != 1:
        raise SystemExit(f"{path}: expected articles of one language")
    return articles


def read_queries(path: Path, known: set[str]) -> list[Judged]:
    """The judged queries of a TSV file; refuses ids that no article has."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        if not line.strip():
            continue
        text, kind, ids = line.split("\t")
        gains = {key: int(gain or 2) for key, _, gain in (item.partition(":") for item in ids.split())}
        if unknown := gains.keys() - known:
            raise SystemExit(f"{path}: {text!r} names unknown articles {sorted(unknown)}")
        found.append(Judged(text, kind, gains))
    return found


def measure(engine: Engine, queries: Sequence[Judged]) -> Report:
    """Ask everything once to warm up, then once with the clock."""
    for query in queries:
        engine.find(query.text, DEPTH)
    results, took, typed = [], [], []
    for query in queries:
        start = time.perf_counter()
        ranking = engine.find(query.text, DEPTH)
        took.append((time.perf_counter() - start) * 1000)
        results.append(quality(ranking, query.gains))
        beginning = query.text[: max(3, math.ceil(len(query.text) * TYPED_SHARE))]
        typed.append(not query.gains.keys().isdisjoint(engine.find(beginning, SUGGESTIONS)))
    kinds = sorted({query.kind for query in queries})
    return Report(
        engine=engine.name,
        total=mean(results),
        classes={
            kind: mean([r for r, q in zip(results, queries, strict=True) if q.kind == kind]) for kind in kinds
        },
        typeahead=sum(typed) / len(typed),
        p50=percentile(took, 0.5),
        p95=percentile(took, 0.95),
        missed=[f"{q.kind}: {q.text}" for r, q in zip(results, queries, strict=True) if not r.success],
    )


def table(reports: Sequence[Report]) -> str:
    """All engines side by side: overall measures, then nDCG@10 per class."""
    width = max(len(report.engine) for report in reports)
    lines = [f"{'':{width}}  nDCG@10  MRR@10  rec@10   s@3  empty  typed     p50     p95 ms"]
    for report in reports:
        q = report.total
        figures = f"{q.ndcg:7.3f} {q.mrr:7.3f} {q.recall:7.3f} {q.success:5.2f} {q.empty:6.2f} {report.typeahead:6.2f}"
        lines.append(f"{report.engine:{width}}  {figures} {report.p50:7.2f} {report.p95:7.2f}")
    kinds = list(reports[0].classes)
    lines += ["", "nDCG@10".ljust(width) + "".join(f"  {kind[:10]:>10}" for kind in kinds)]
    for report in reports:
        lines.append(
            report.engine.ljust(width) + "".join(f"  {report.classes[kind].ndcg:10.3f}" for kind in kinds)
        )
    return "\n".join(lines)


def compare(corpus: Path, queries: Path, postgresql: str | None, only: Sequence[str]) -> list[Report]:
    """Every engine on one set."""
    articles = read_corpus(corpus)
    judged = read_queries(queries, {article.id for article in articles})
    reports = []
    with tempfile.TemporaryDirectory() as folder:
        engines: list[Engine] = [Portal(Path(folder)), WhooshDefault(Path(folder)), Fts5(Path(folder))]
        if postgresql:
            engines.append(PostgreSQL(postgresql))
        for engine in engines:
            if not only or engine.name in only:
                engine.load(articles)
                reports.append(measure(engine, judged))
    return reports


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="+", type=Path, metavar="CORPUS QUERIES", help="pairs of files")
    parser.add_argument(
        "--postgresql", metavar="URL", help="also measure PostgreSQL there (a temporary table)"
    )
    parser.add_argument("--engine", action="append", default=[], help="measure only this engine (repeatable)")
    parser.add_argument(
        "--misses", action="store_true", help="print what the first engine has not in its first three"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    given = parser.parse_args()
    if len(given.sets) % 2:
        parser.error("give each corpus its queries")
    figures = []
    for corpus, queries in zip(given.sets[::2], given.sets[1::2], strict=True):
        reports = compare(corpus, queries, given.postgresql, given.engine)
        print(f"\n{corpus.name} with {queries.name}\n{table(reports)}")
        if given.misses:
            print("\n".join(f"missed  {text}" for text in reports[0].missed))
        figures.append(
            {"corpus": str(corpus), "queries": str(queries), "engines": [asdict(r) for r in reports]}
        )
    if given.json:
        given.json.write_text(json.dumps(figures, ensure_ascii=False, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
