"""How the time of a ticket's clocks is drawn: stretches as bars on one scale of 0 to 1000. No words, no colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.sla.calendar import BusinessCalendar
from app.sla.explain import Account
from app.sla.replay import Event

WIDTH = 1000
LONGEST_WITH_HOURS = 62 * 86400  # opening hours of more than two months are too thin to be seen


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch: where it begins and how wide it is."""

    x: float
    width: float


@dataclass(slots=True)
class Picture:
    """One clock: opening hours behind, then where it ran, will run until it is due and was paused, by how much it is
    late, what happened, its due time, and now."""

    hours: list[Bar] = field(default_factory=list)
    ran: list[Bar] = field(default_factory=list)
    coming: list[Bar] = field(default_factory=list)
    paused: list[Bar] = field(default_factory=list)
    late: Bar | None = None
    events: list[float] = field(default_factory=list)
    due: float | None = None
    now: float | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """The instants between which everything of a ticket lies."""

    low: int
    high: int

    def x(self, instant: int) -> float:
        """Where an instant lies."""
        share = (instant - self.low) / max(1, self.high - self.low)
        return round(WIDTH * min(1.0, max(0.0, share)), 1)

    def bar(self, start: int, end: int) -> Bar:
        """A stretch, never too thin to be seen."""
        x = self.x(start)
        return Bar(x, max(1.5, round(self.x(end) - x, 1)))


def scale_of(accounts: Sequence[Account], now: int) -> Scale:
    """One scale for all clocks of a ticket, so that they can be compared."""
    instants = [portion.start for one in accounts for portion in one.portions]
    instants += [portion.end for one in accounts for portion in one.portions if portion.end is not None]
    instants += [at for one in accounts for at in (one.due, one.ended_at) if at is not None]
    low = min(instants, default=now)
    high = max([*instants, now if any(one.ended_at is None for one in accounts) else low])
    return Scale(low, high + max(60, (high - low) // 50))


def draw(
    account: Account, history: Sequence[Event], calendar: BusinessCalendar | None, scale: Scale, now: int
) -> Picture:
    """The picture of one clock."""
    picture = Picture()
    if calendar is not None and scale.high - scale.low <= LONGEST_WITH_HOURS:
        picture.hours = [
            scale.bar(span.start, span.end) for span in calendar.walk(scale.low, scale.high) if span.open
        ]
    for portion in account.portions:
        end = portion.end if portion.end is not None else (account.ended_at or now)
        if not portion.running:
            picture.paused.append(scale.bar(portion.start, max(end, portion.start)))
        for start, stop in portion.open_times:
            if not portion.running:
                continue
            if start < now:
                picture.ran.append(scale.bar(start, min(stop, now)))
            if stop > now:
                picture.coming.append(scale.bar(max(start, now), stop))
    if account.due is not None:
        picture.due = scale.x(account.due)
        until = account.ended_at if account.ended_at is not None else now
        if account.breached_at is not None and until > account.due:
            picture.late = scale.bar(account.due, until)
    picture.events = sorted(
        {
            scale.x(event.at)
            for event in history
            if event.type in ("created", "message", "status", "priority", "policy")
            and scale.low <= event.at <= scale.high
        }
    )
    if scale.low <= now <= scale.high:
        picture.now = scale.x(now)
    return picture
