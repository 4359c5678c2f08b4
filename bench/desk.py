"""Measures the pages of requests against the floor, in interleaved pairs, at growing sizes. Nothing is asserted.

python -m bench.desk [--tickets 1000,20000] [--rounds 6] [--samples 30]     (100000 takes some minutes to load)
"""

from __future__ import annotations

import argparse
import base64
import itertools
import json
import math
import re
import secrets
import sqlite3
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import floor
from bench.run import Case, command, compare, statements
from bench.servers import floor as floor_server
from bench.servers import percentile, portal

GOALS = {  # times the floor, which writes as durably as we do
    "queue": 6.0,
    "queue at risk": 6.0,
    "ticket": 6.0,
    "my requests": 5.0,
    "my request": 6.0,
    "send a request": 3.0,
    "reply": 5.0,
}
STATEMENTS = {"ticket": 12, "my request": 12, "send a request": 15, "reply": 15}  # at most; 8 for lists
GROWTH = 0.10  # of lists, at most
DEEP = 1.3  # times our own first page
PAGES_ON = 100  # how many pages by key "queue page 100" walks first


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tickets", default="1000,20000", help="requests, smallest first")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--samples", type=int, default=30)
    options = parser.parse_args(arguments)
    found = []
    for size in (int(text) for text in options.tickets.split(",")):
        found.append((size, measure(size, options.rounds, options.samples)))
        show(*found[-1])
    for (small, before), (large, after) in itertools.pairwise(found):
        print(f"\ngrowth from {small} to {large} requests (0: none, 1: as the requests grow; goal {GROWTH})")
        for one, other in zip(before, after, strict=True):
            times = percentile(other.times, 0.5) / percentile(one.times, 0.5)
            print(f"{one.name:<16}{math.log(times) / math.log(large / small):>7.2f}")
    return 0


def measure(tickets: int, rounds: int, samples: int) -> list[Case]:
    """Fill a data directory, start both servers, ask them in turn."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        data_dir, floor_db = Path(folder) / "data", Path(folder) / "floor.db"
        print(f"Loading {tickets} requests ...", flush=True)
        command(data_dir, "db", "upgrade")
        size = ["--tickets", str(tickets), "--customers", "200", "--agents", "10"]
        command(data_dir, "demo", "load", *size)
        fill_floor(data_dir, floor_db)
        here, there = portal(data_dir), floor_server(floor_db)
        try:
            cases = all_cases(data_dir)
            for case in cases:
                here.cookie = case.cookie
                compare(case, here, there, rounds, samples)
            counted = statements(data_dir, cases)
            for case in cases:
                case.statements = counted[case.name]
            return cases
        finally:
            here.stop()
            there.stop()


def fill_floor(data_dir: Path, target: Path) -> None:
    """The floor holds the same requests and messages."""
    connection = sqlite3.connect(data_dir / "portal.db")
    tickets = connection.execute(
        "SELECT t.id, t.subject, t.status, t.queue_key, t.is_open, t.requester_id, t.last_activity_at, p.name "
        "FROM ticket t JOIN person p ON p.id = t.requester_id"
    ).fetchall()
    messages = connection.execute("SELECT ticket_id, author_id, body, created_at FROM message").fetchall()
    connection.close()
    floor.fill(target, [], [])
    floor.fill_tickets(target, tickets, messages)


def all_cases(data_dir: Path) -> list[Case]:
    connection = sqlite3.connect(data_dir / "portal.db")
    ids = [row[0] for row in connection.execute("SELECT id FROM ticket ORDER BY id DESC LIMIT 50")]
    waiting = "SELECT id FROM ticket WHERE status = 'open' AND disposal IS NULL ORDER BY id DESC LIMIT 50"
    to_answer = [row[0] for row in connection.execute(waiting)]
    email = "ana@kontorwerk.example"
    (agent,) = connection.execute("SELECT id FROM person WHERE email = ?", [email]).fetchone()
    busiest = "SELECT requester_id FROM ticket GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
    (customer,) = connection.execute(busiest).fetchone()
    own = "SELECT id FROM ticket WHERE requester_id = ? ORDER BY id DESC LIMIT 20"
    mine = [row[0] for row in connection.execute(own, [customer])]
    deep = deep_place(connection)
    connection.close()
    (at_desk, desk_token), (at_home, home_token) = cookie_of(data_dir, agent), cookie_of(data_dir, customer)
    cases = [
        Case("queue", ["/desk/"], ["/queue"]),
        Case("queue at risk", ["/desk/?view=at_risk"], ["/queue"]),
        Case("queue deep", [f"/desk/?view=all&after={deep}"], ["/queue"]),
        Case("ticket", [f"/desk/tickets/{n + 10000}" for n in ids], [f"/tickets/{n}" for n in ids]),
        Case("my requests", ["/tickets/?tab=solved"], [f"/mine/{customer}"]),
        Case("my request", [f"/tickets/{n + 10000}" for n in mine], [f"/tickets/{n}" for n in mine]),
        Case("send a request", ["/tickets/new"], ["/tickets"], fields=lambda: sent(home_token)),
        Case(
            "reply",
            [f"/desk/tickets/{n + 10000}/replies" for n in to_answer],
            [f"/tickets/{n}/replies" for n in to_answer],
            fields=lambda: sent(desk_token, status_after="pending"),
        ),
    ]
    for case in cases:
        case.cookie = at_desk if case.here[0].startswith("/desk") else at_home
        case.goal = GOALS.get(case.name)
        case.most_statements = STATEMENTS.get(case.name, 8)
    return cases


def sent(token: str, **more: str) -> dict[str, str]:
    """A form as a browser sends it, with words of its own."""
    key = secrets.token_urlsafe(12)
    text = "The machine drips since Tuesday. Nobody knows why, and the coffee is cold."
    return {"csrf_token": token, "send_key": key, "subject": f"Drips ({key})", "message": text, **more}


def deep_place(connection: sqlite3.Connection) -> str:
    """The place by key a hundred pages down the view of all tickets (or in its middle, if there are fewer)."""
    (count,) = connection.execute("SELECT count(*) FROM ticket").fetchone()
    offset = min(25 * PAGES_ON, count // 2)
    (key,) = connection.execute(
        "SELECT id FROM ticket ORDER BY id DESC LIMIT 1 OFFSET ?", [offset]
    ).fetchone()
    return base64.urlsafe_b64encode(json.dumps([key]).encode()).decode().rstrip("=")


def cookie_of(data_dir: Path, person_id: int) -> tuple[str, str]:
    """The cookie of somebody who has signed in and seen a page, and the token in that page's forms."""
    from app.accounts import sessions
    from app.factory import create_app
    from app.now import now
    from config import Settings

    app = create_app(Settings.from_env({"PORTAL_DATA_DIR": str(data_dir)}))
    database = app.extensions["portal"].database
    with database.session(write=True) as session:
        token = sessions.begin(session, person_id, device="bench", network="", now=now())
        session.commit()
    with app.test_client() as client:
        with client.session_transaction() as held:
            held["_user_id"], held["_fresh"] = token, True
        seen = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', client.get("/tickets/").text)
        found: Any = client.get_cookie("session")
    database.dispose()
    assert seen is not None
    return f"session={found.value}", seen[1]


def show(tickets: int, cases: list[Case]) -> None:
    print(f"\n{tickets} requests, signed in, one connection, milliseconds")
    print(
        f"{'page':<16}{'p50':>7}{'p95':>7}{'floor p50':>11}{'x floor':>9}{'range':>13}{'goal':>6}{'SQL':>5}{'goal':>5}"
        f"{'KB (40)':>9}{'at 8: floor x (1/6)':>21}"
    )
    for case in cases:
        span = f"{min(case.ratios):.1f} .. {max(case.ratios):.1f}"
        print(
            f"{case.name:<16}{percentile(case.times, 0.5):>7.2f}{percentile(case.times, 0.95):>7.2f}"
            f"{percentile(case.floor_times, 0.5):>11.2f}{statistics.median(case.ratios):>9.2f}{span:>13}"
            f"{f'{case.goal:.0f}' if case.goal else '':>6}{case.statements:>5}{case.most_statements:>5}"
            f"{case.size / 1024:>9.1f}{f'{case.share:.2f}' if case.share else '':>21}"
        )
    by_name = {case.name: percentile(case.times, 0.5) for case in cases}
    print(f"queue page {PAGES_ON}: {by_name['queue deep'] / by_name['queue']:.2f} x page 1 (goal {DEEP})")


if __name__ == "__main__":
    sys.exit(main())
