"""Sweeps that die by kill -9 at a named point: `python -m tests.support.doomed_sweep URL INSTANT POINT ...`.

Each point is a fork of one parent, which prints how it ended. `never` sweeps to the end; `both` are two at once.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

import app.tables  # noqa: F401 (all tables are known)
from app import outbox
from app.db import Database
from app.tickets import sweep

POINTS = ("noted", "told", "looked", "committing", "committed")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def doom(point: str) -> None:
    """Make the process die the seventh time it gets to the point, in the middle of a piece."""

    def after(real: Callable[..., Any], calls: int) -> Callable[..., Any]:
        def counted(*args: Any, **more: Any) -> Any:
            nonlocal calls
            result = real(*args, **more)
            calls -= 1
            if not calls:
                die()
            return result

        return counted

    if point == "noted":
        sweep.insert_ignoring = after(sweep.insert_ignoring, 7)
    if point == "told":
        outbox.put = after(outbox.put, 7)
    if point == "looked":
        sweep.look_at = after(sweep.look_at, 7)
    if point == "committing":
        sweep.sweep_some = after(sweep.sweep_some, 1)
    if point == "committed":
        Session.commit = after(Session.commit, 1)  # type: ignore[method-assign]


def started(url: str, moment: datetime, point: str) -> int:
    """One sweep in a process of its own. Gives its id."""
    pid = os.fork()
    if pid == 0:
        doom(point)
        database = Database(url)
        sweep.sweep(database, time_zone="Europe/Berlin", now=moment)
        database.dispose()
        os._exit(0)
    return pid


if __name__ == "__main__":
    address, instant, *wanted = sys.argv[1:]
    now = datetime.fromtimestamp(int(instant), UTC)
    for name in wanted:
        running = [
            started(address, now, "never" if name == "both" else name) for _ in range(1 + (name == "both"))
        ]
        for pid in running:
            print(name, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
