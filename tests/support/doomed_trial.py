"""A worker that dies by kill -9 while it computes a trial: `python -m tests.support.doomed_trial POINT`.

Points: `counting` (a piece is counted), `counted` (the result is written, the job not yet done), `never`.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from app import worker
from app.factory import create_app
from app.reports import trials, what_if
from config import Settings


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def doom(point: str) -> None:
    """Make the process die at the point."""
    count_some, note = what_if.count_some, trials._note

    def counting(*args: Any, **more: Any) -> Any:
        found = count_some(*args, **more)
        if point == "counting":
            die()
        return found

    def noting(portal: Any, run_id: int, **values: Any) -> bool:
        written = note(portal, run_id, **values)
        if point == "counted" and "result" in values:
            die()
        return written

    what_if.count_some, trials._note = counting, noting  # type: ignore[assignment]


if __name__ == "__main__":
    app = create_app(Settings.from_env(os.environ))
    doom(sys.argv[1])
    worker.run_once(app)
