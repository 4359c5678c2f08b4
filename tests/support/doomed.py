"""Workers that die by kill -9, each at a named point of its work: `python -m tests.support.doomed POINT ...`.

One after the other, forked from a process that has everything imported; prints how each ended. With the point `never`
one does everything that is due.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from typing import Any

from app import lanes, outbox, worker
from app.factory import create_app
from app.lanes import Worker
from config import Settings

POINTS = ("claimed", "indexing", "indexed", "composed", "sent", "finishing", "finished")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def doom(point: str, portal: Any) -> None:
    """Make the process die the first time it gets to the point."""
    transport, claim, finish, change, batch = (
        portal.transport,
        Worker._claim,
        outbox.finish,
        Worker._change,
        Worker._batch,
    )

    class Deadly:
        def send(self, message: Any, *, key: str) -> None:
            if point == "composed":
                die()
            transport.send(message, key=key)
            if point == "sent":
                die()

    def claimed(self: Worker, **more: Any) -> Any:
        found = claim(self, **more)
        if found and point == "claimed":
            die()
        return found

    def finishing(*args: Any, **more: Any) -> bool:
        done = finish(*args, **more)
        if point == "finishing":
            die()
        return done

    def finished(self: Worker, *args: Any) -> None:
        change(self, *args)
        if point == "finished":
            die()

    def indexing(self: Worker, jobs: Any) -> None:
        if point == "indexing":  # the new files are written and about to take the place of the old
            os.replace = lambda *_, **__: die()
        if point == "indexed":
            self._change = lambda *_: die()  # type: ignore[method-assign]
        batch(self, jobs)

    object.__setattr__(portal, "transport", Deadly())
    Worker._claim, Worker._change, Worker._batch = claimed, finished, indexing  # type: ignore[method-assign]
    lanes.outbox.finish = finishing  # type: ignore[assignment]


def work(point: str) -> None:
    app = create_app(Settings.from_env(os.environ))
    if point != "never":
        doom(point, app.extensions["portal"])
    worker.run_once(app)


def ended(point: str) -> int:
    """The exit status of a worker of its own process; a negative one is the signal that killed it."""
    child = os.fork()
    if child == 0:
        try:
            work(point)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    for point in sys.argv[1:]:
        print(point, ended(point), flush=True)
