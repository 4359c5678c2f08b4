"""Building a copy that dies by kill -9 at a chosen moment; to be called in a process of its own.

Moments: `begun` (the request says it runs), `page` and `data` (in the middle of that entry), `files` (after the first
file), `written` (complete, without its name), `named` (it has its name, the transaction is not committed), `noted`
(committed; the job is not).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

from app.admin.audit_words import ACTIONS
from app.privacy import archive, building, export_document, readable

MOMENTS = ("begun", "page", "files", "data", "written", "named", "noted")


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _dying(pieces: Callable[..., Iterator[str]], after: int) -> Callable[..., Iterator[str]]:
    def some(*given: Any) -> Iterator[str]:
        for number, piece in enumerate(pieces(*given)):
            if number == after:
                die()
            yield piece

    return some


def build(portal: Any, export_id: int, moment: str) -> None:
    """Build until that moment."""
    real_files, real_finish, real_replace = archive._files, building._finish, os.replace

    def files(*given: Any) -> None:
        real_files(*given)
        die()

    def replaced(*given: Any) -> None:
        real_replace(*given)
        die()

    match moment:
        case "begun":
            building._part = die  # type: ignore[assignment]
        case "page":
            readable.page = _dying(readable.page, 1)
        case "files":
            archive._files = files
        case "data":
            export_document.pieces = _dying(export_document.pieces, 200)
        case "written":
            building._finish = die  # type: ignore[assignment]
        case "named":
            building.os.replace = replaced  # type: ignore[attr-defined]
    building.build(portal, export_id, actions=ACTIONS)
    assert moment == "noted", real_finish
    die()
