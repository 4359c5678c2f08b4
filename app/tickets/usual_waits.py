"""How long like requests of late waited for their first answer: counted once a day, told beside the promise.

Half of them waited no longer. It is told only where at least 30 requests stand behind it, and never when it is later than
what is promised.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median_high

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.sla.policy import FIRST_RESPONSE
from app.tickets.deadlines import Promise
from app.tickets.models import SlaClock, Ticket, UsualWait

DAYS = 90
AT_LEAST = 30  # fewer say more about single requests than about what is usual
HOUR, STEP = 3600, 300

Kind = tuple[int | None, str]
"""Request type and priority: what makes requests alike."""


@dataclass(frozen=True, slots=True)
class Usual:
    """Half of the like requests were answered within so many business seconds; as counted at an instant."""

    seconds: int
    counted_at: datetime

    @property
    def shown(self) -> int:
        """The same, rounded up to the hour, below an hour to five minutes."""
        step = HOUR if self.seconds > HOUR else STEP
        return max(1, -(-self.seconds // step)) * step

    @property
    def hours(self) -> int:
        """Whole hours shown; 0 below one."""
        return self.shown // HOUR

    @property
    def minutes(self) -> int:
        """Minutes shown, where it is less than an hour."""
        return self.shown // 60


def count(session: Session, *, now: datetime) -> int:
    """Count anew over the last 90 days. Gives how many kinds of requests have a figure."""
    waits: dict[Kind, list[int]] = defaultdict(list)
    rows = session.execute(
        select(Ticket.request_type_id, Ticket.priority, SlaClock.elapsed_seconds)
        .join(Ticket, Ticket.id == SlaClock.ticket_id)
        .where(
            SlaClock.metric == FIRST_RESPONSE,
            SlaClock.fulfilled_at.is_not(None),
            SlaClock.started_at > now - timedelta(days=DAYS),
            Ticket.disposal.is_(None),
        )
        .execution_options(yield_per=5000)
    )
    for type_id, priority, seconds in rows:
        waits[type_id, priority].append(seconds)
    session.execute(delete(UsualWait))
    known = {kind: found for kind, found in waits.items() if len(found) >= AT_LEAST}
    session.add_all(
        UsualWait(
            request_type_id=type_id,
            priority=priority,
            seconds=median_high(found),
            count=len(found),
            computed_at=now,
        )
        for (type_id, priority), found in known.items()
    )
    session.flush()
    return len(known)


def known(session: Session) -> dict[Kind, Usual]:
    """All figures. One statement."""
    rows = session.execute(
        select(UsualWait.request_type_id, UsualWait.priority, UsualWait.seconds, UsualWait.computed_at)
    )
    return {(row[0], row[1]): Usual(row[2], row[3]) for row in rows}


def within(usual: Usual | None, promised_seconds: int) -> Usual | None:
    """The figure where it is no later than the promise."""
    return usual if usual is not None and usual.shown <= promised_seconds else None


def beside(
    figures: Mapping[Kind, Usual], kinds: Sequence[Kind], promises: Sequence[Promise | None]
) -> Usual | None:
    """What may be told beside a promise: of several things that a request may be the longest figure; None where one of
    them has none, or nothing is promised."""
    found = [
        within(figures.get(kind), promise.seconds)
        for kind, promise in zip(kinds, promises, strict=False)
        if promise is not None
    ]
    told = [usual for usual in found if usual is not None]
    return max(told, key=lambda usual: usual.seconds) if told and len(told) == len(kinds) else None
