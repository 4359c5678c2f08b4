"""Erasing that dies by kill -9 at a chosen moment; to be called in a process of its own.

Moments: `before` (the step has not begun), `within` (its transaction is not committed), `after` (its effect is there, but
not noted).
"""

from __future__ import annotations

import os
import signal
from typing import Any

from sqlalchemy.orm import Session

from app.privacy import executor


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def erase(portal: Any, request_id: int, when: str, wanted: str) -> None:
    """Carry out an erasure until that moment of the wanted step."""
    real = executor._steps

    def doomed(step: Any) -> Any:
        def do(run: Any) -> None:
            if when == "before":
                die()
            if when == "within":
                Session.commit = die  # type: ignore[method-assign]
            step.do(run)
            die()

        return executor.Step(step.name, do)

    executor._steps = lambda run: [doomed(step) if step.name == wanted else step for step in real(run)]
    executor.carry_out(portal, request_id)
