"""Workers that die by kill -9 while they compute a trial: `python -m tests.support.doomed_trial POINT ...`.

Points: `counting` (a piece is counted), `counted` (the result is written, the job not yet done), `never`. Each is a fork
of one parent, which prints how it ended and how the trial and its job stand then.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from sqlalchemy import select

from app import worker
from app.db import Database
from app.factory import create_app
from app.outbox import Job
from app.reports import trials, what_if
from app.reports.models import WhatIfRun
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


def live(point: str) -> int:
    doom(point)
    app = create_app(Settings.from_env(os.environ))
    only_trials = worker.Tables({}, {trials.CHORE: worker.CHORES[trials.CHORE]})
    worker.run_once(app, only_trials)
    return 0


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        pid = os.fork()
        if pid == 0:
            os._exit(live(wanted))
        ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        database = Database(Settings.from_env(os.environ).database_url)
        with database.session(write=False) as session:
            trial = session.scalars(select(WhatIfRun.state)).one()
            job = session.scalars(select(Job.state).where(Job.name == trials.CHORE)).one()
        database.dispose()
        print(wanted, ended, trial, job, flush=True)
