"""Figures of the service level engine: working hours and replay, without a database. Printed, never asserted.

python bench/sla/engine.py [--tickets 20000]
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from app.sla.calendar import BusinessCalendar
from app.sla.hours import CalendarSpec, ExceptionDay, WeeklyHours
from app.sla.policy import METRICS, PolicyVersion, Target
from app.sla.replay import Event, SlaClock

HOUR, DAY = 3600, 86400
FIRST, LAST = date(2023, 1, 1), date(2028, 12, 31)
OFFICE = WeeklyHours((((480, 720), (780, 1080)),) * 5 + ((), ()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tickets", type=int, default=20_000)
    count = parser.parse_args().tickets
    chance = random.Random(7)

    spec = CalendarSpec("office", 1, "Europe/Berlin", (OFFICE,), _holidays())
    began = time.perf_counter()
    calendar = BusinessCalendar.compile(spec, FIRST, LAST)
    print(f"compile 6 years: {(time.perf_counter() - began) * 1e3:.1f} ms")

    middle = int(datetime(2024, 1, 2, tzinfo=UTC).timestamp())
    instants = [middle + chance.randrange(300 * DAY) for _ in range(100_000)]
    _print("add 20 h", instants, lambda t: calendar.add(t, 20 * HOUR), goal=5)
    _print("add 200 h", instants, lambda t: calendar.add(t, 200 * HOUR), goal=5)
    _print("between, 30 days", instants, lambda t: calendar.between(t, t + 30 * DAY), goal=5)

    targets = dict(
        zip(
            METRICS,
            (Target(4 * HOUR, HOUR), Target(8 * HOUR, HOUR), Target(16 * HOUR), Target(40 * HOUR, 8 * HOUR)),
            strict=True,
        )
    )
    policies: dict[Any, PolicyVersion] = {1: PolicyVersion(1, 1, {"normal": targets})}
    three = {1: PolicyVersion(1, 1, {"normal": {m: t for m, t in targets.items() if m != "periodic_update"}})}
    tickets = [_ticket(middle + chance.randrange(300 * DAY), chance) for _ in range(count)]
    now = middle + 320 * DAY
    for name, book in (("3 clocks", three), ("4 clocks", policies)):
        for explain in (True, False):
            _print(
                f"replay 8 events, {name}, {'with' if explain else 'without'} trail",
                tickets,
                lambda events, book=book, explain=explain: SlaClock.replay(
                    events, book, {1: calendar}, now, explain=explain
                ),
                goal=40,
            )


def _print(name: str, inputs: Sequence[Any], question: Callable[[Any], Any], *, goal: float) -> None:
    """The median of twenty batches, and the best: on a busy machine the best is nearer to what the code costs."""
    size = len(inputs) // 20
    batches = []
    for start in range(0, 20 * size, size):
        began = time.perf_counter()
        for given in inputs[start : start + size]:
            question(given)
        batches.append((time.perf_counter() - began) / size * 1e6)
    batches.sort()
    print(f"{name}: median {batches[10]:.2f} us, best {batches[0]:.2f} us (goal {goal:g})")


def _holidays() -> tuple[ExceptionDay, ...]:
    days = [(1, 1), (5, 1), (10, 3), (12, 25), (12, 26)]
    return tuple(
        ExceptionDay(date(year, month, day), "Holiday", holiday=True)
        for year in range(FIRST.year, LAST.year + 1)
        for month, day in days
    )


def _ticket(t: int, chance: random.Random) -> list[Event]:
    """Asked, answered and set to pending, asked again, answered, solved: eight events."""

    def later(hours: float) -> int:
        nonlocal t
        t += int(timedelta(hours=chance.uniform(0, hours)).total_seconds())
        return t

    created = {
        "by": "customer",
        "first_message": "customer",
        "status": "new",
        "priority": "normal",
        "policy": 1,
    }
    agent: dict[str, Any] = {"author": "agent", "public": True}
    customer: dict[str, Any] = {"author": "customer", "public": True, "is_requester": True}
    return [
        Event(1, t, "created", "customer", data=created),
        Event(2, later(8), "message", **agent),
        Event(3, t, "status", data={"to": "pending"}),
        Event(4, later(48), "message", **customer),
        Event(5, t, "status", data={"to": "open"}),
        Event(6, later(24), "priority", data={"to": "normal"}),
        Event(7, later(24), "message", **agent),
        Event(8, later(24), "status", data={"to": "solved"}),
    ]


if __name__ == "__main__":
    main()
