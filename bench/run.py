"""Measures the help centre's pages against the floor, in interleaved pairs, and prints tables. Nothing is asserted.

python -m bench [--articles 300,3000] [--rounds 6] [--samples 40]

Machines are noisy: ratios inside one round tell something, single milliseconds little.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from bench import floor
from bench.servers import Server, percentile, portal
from bench.servers import floor as floor_server

QUERIES = (
    *("rechnung", "lieferadresse ändern", "kaffeemaschine", "passwort vergesen", "gutschein einlösen"),
    *("wann kommt mein paket", "abo kündigen", "E-1003", "wasserfilter am gerät", "mahlwerk blockiert"),
    *("rahmenvertrag", "steuernummer korrigieren", "wie ändere ich meine rechnungsadresse", "rücksendung"),
)
TYPED = ("re", "rech", "lieferad", "kaffeem", "passw", "gutsch", "wasserf", "abo k", "steuern", "mahlw")
GOALS = {"home": 4.0, "article": 4.0, "search": 10.0}  # times the floor


@dataclass
class Case:
    """One page here and on the floor (None: nothing to compare with). Addresses are cycled."""

    name: str
    here: list[str]
    there: list[str] | None = None
    times: list[float] = field(default_factory=list)
    floor_times: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    size: int = 0
    cookie: str = ""
    goal: float | None = None
    most_statements: int = 8
    statements: int = 0
    fields: Callable[[], dict[str, str]] | None = None  # of a form that is sent, new ones each time
    share: float | None = None  # of the floor's pages a second at 8 connections


@dataclass
class Measured:
    """What was found at one size."""

    articles: int
    cases: list[Case]
    statements: dict[str, int]
    memory: float
    cold_start: float


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--articles", default="300,3000", help="articles a language, smallest first")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--samples", type=int, default=40)
    options = parser.parse_args()
    sizes = [int(size) for size in options.articles.split(",")]
    found = [measure(size, options.rounds, options.samples) for size in sizes]
    for one in found:
        show(one)
    show_growth(found)
    return 0


def measure(articles: int, rounds: int, samples: int) -> Measured:
    """Fill a data directory, start both servers, ask them in turn."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        data_dir, floor_db = Path(folder) / "data", Path(folder) / "floor.db"
        print(f"Loading {articles} articles a language ...", flush=True)
        command(data_dir, "db", "upgrade")
        command(data_dir, "demo", "load", "--articles", str(articles))
        slugs = fill_floor(data_dir, floor_db)
        here, there = portal(data_dir), floor_server(floor_db)
        try:
            cases = all_cases(slugs)
            for case in cases:
                compare(case, here, there, rounds, samples)
            return Measured(articles, cases, statements(data_dir, cases), here.memory(), here.cold_start)
        finally:
            here.stop()
            there.stop()


def command(data_dir: Path, *arguments: str) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")}
    subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "flask", "--app", "wsgi", *arguments],
        env=environ | {"PORTAL_DATA_DIR": str(data_dir)},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def fill_floor(data_dir: Path, target: Path) -> list[tuple[int, str]]:
    """The floor holds the same public German articles. Gives (id, slug) of each."""
    connection = sqlite3.connect(data_dir / "portal.db")
    rows = connection.execute(
        "SELECT t.id, t.title, r.body, coalesce(a.category_id, 0), t.views, t.slug FROM article_text t "
        "JOIN article a ON a.id = t.article_id "
        "JOIN revision r ON r.article_text_id = t.id AND r.number = t.current_number "
        "WHERE t.lang = 'de' AND t.state = 'published' AND a.audience = 'public'"
    ).fetchall()
    categories = connection.execute(
        "SELECT c.id, c.path, count(*) FROM category c JOIN article a ON a.category_id = c.id GROUP BY 1, 2"
    ).fetchall()
    connection.close()
    floor.fill(target, [row[:5] for row in rows], categories)
    return [(row[0], row[5]) for row in rows]


def all_cases(slugs: list[tuple[int, str]]) -> list[Case]:
    some = slugs[:: max(1, len(slugs) // 50)][:50]
    asked = [quote(q) for q in QUERIES]
    return [
        Case("home", ["/de/"], ["/"]),
        Case(
            "article",
            [f"/de/articles/{quote(slug)}" for _, slug in some],
            [f"/articles/{n}" for n, _ in some],
        ),
        Case("search", [f"/de/search?q={q}" for q in asked], [f"/search?q={q}" for q in asked]),
        Case("category", ["/de/categories/invoices"]),
        Case("glossary", ["/de/glossary"]),
        Case("suggest", [f"/de/suggest?q={quote(q)}" for q in TYPED]),
        Case("API search", [f"/api/v1/search?lang=de&q={q}" for q in asked]),
    ]


def compare(case: Case, here: Server, there: Server, rounds: int, samples: int) -> None:
    """Blocks in turn (here, there, there, here ...); the ratio is taken inside each round, so drift cancels."""

    def block(server: Server, paths: list[str], count: int) -> list[float]:
        some = itertools.islice(itertools.cycle(paths), count)
        took = [server.get(path, case.fields() if case.fields else None) for path in some]
        case.size = took[-1][1] if server is here else case.size
        return [seconds * 1000 for seconds, _ in took]

    block(here, case.here, 2 * max(10, len(case.here)))  # both processes have seen every address
    if case.there:
        block(there, case.there, 2 * max(10, len(case.there)))
    for number in range(rounds):
        turns: list[Callable[[], None]] = [
            lambda: case.times.extend(block(here, case.here, samples)),
            lambda: case.floor_times.extend(block(there, case.there, samples)) if case.there else None,
        ]
        for turn in turns if number % 2 == 0 else reversed(turns):
            turn()
        if case.there:
            ours, floors = case.times[-samples:], case.floor_times[-samples:]
            case.ratios.append(statistics.median(ours) / statistics.median(floors))
    if case.there and not case.fields:
        case.share = here.rate(case.here) / there.rate(case.there)


def statements(data_dir: Path, cases: list[Case]) -> dict[str, int]:
    """Statements of each page at its second look, without those of observations; counted in this process."""
    from sqlalchemy import event

    from app.factory import create_app
    from config import Settings

    app = create_app(Settings.from_env({"PORTAL_DATA_DIR": str(data_dir)}))
    sent: list[str] = []

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            sent.append(statement)

    database = app.extensions["portal"].database
    event.listen(database.engine, "before_cursor_execute", note)
    counts = {}
    with app.test_client(use_cookies=False) as client:
        for case in cases:
            headers = {"Cookie": case.cookie} if case.cookie else {}
            for _ in range(2):
                sent.clear()
                if case.fields:
                    client.post(case.here[0], data=case.fields(), headers=headers)
                else:
                    client.get(case.here[0], headers=headers)
            counts[case.name] = len(sent)
    database.dispose()
    return counts


def show(found: Measured) -> None:
    print(f"\n{found.articles} articles a language, signed out, one connection, milliseconds")
    print(
        f"{'page':<12}{'p50':>7}{'p95':>7}{'floor p50':>11}{'x floor':>9}{'range':>13}{'goal':>7}"
        f"{'SQL':>5}{'(8)':>4}{'KB':>7}{'(40)':>5}{'at 8: floor x':>15}{'(1/6)':>6}"
    )
    for case in found.cases:
        line = f"{case.name:<12}{percentile(case.times, 0.5):>7.2f}{percentile(case.times, 0.95):>7.2f}"
        if case.ratios:
            span = f"{min(case.ratios):.1f} .. {max(case.ratios):.1f}"
            line += (
                f"{percentile(case.floor_times, 0.5):>11.2f}{statistics.median(case.ratios):>9.2f}{span:>13}"
            )
        else:
            line += f"{'':>33}"
        goal = f"{GOALS[case.name]:.0f}" if case.name in GOALS else "10 ms" if case.name == "suggest" else ""
        share = f"{case.share:.2f}" if case.share else ""
        print(
            f"{line}{goal:>7}{found.statements[case.name]:>5}{'':>4}{case.size / 1024:>7.1f}{'':>5}{share:>15}"
        )
    print(
        f"memory of web server and worker {found.memory:.0f} MiB (PSS; goal 200), "
        f"first page after {found.cold_start:.2f} s (goal 2.5)"
    )


def show_growth(found: list[Measured]) -> None:
    for small, large in itertools.pairwise(found):
        print(
            f"\ngrowth from {small.articles} to {large.articles} articles (0: none, 1: as the articles grow)"
        )
        for one, other in zip(small.cases, large.cases, strict=True):
            times = percentile(other.times, 0.5) / percentile(one.times, 0.5)
            print(f"{one.name:<12}{math.log(times) / math.log(large.articles / small.articles):>7.2f}")


if __name__ == "__main__":
    sys.exit(main())
