"""One clock: the stretches in which it ran or was paused, and what follows from them for a target and a calendar.

Knows no events and no policies; `replay` decides when it starts, pauses and ends. Stretches are instants, so a new
calendar or target is only another reading of the same facts (R8 to R11).
"""

from __future__ import annotations

from app.sla.calendar import BusinessCalendar

Stretch = tuple[int, int, bool, int]
"""Instants [start, end), whether the clock ran or was paused in them, and the business seconds. Plain, for speed."""


class Clock:
    """A run of one metric. Until it has a target it has no calendar, counts nothing and only remembers its stretches: a
    target may still come (R9). One that loses its target keeps its calendar, by which its misses were overdue."""

    __slots__ = (
        "breached_at",
        "calendar",
        "cancelled",
        "due",
        "elapsed",
        "fulfilled_at",
        "fulfilled_by",
        "metric",
        "once_late",
        "paused",
        "policy",
        "run_no",
        "running",
        "since",
        "started_at",
        "stretches",
        "target",
        "warn",
    )

    def __init__(self, metric: str, run_no: int, started_at: int, *, running: bool) -> None:
        self.metric = metric
        self.run_no = run_no
        self.started_at = started_at
        self.target: int | None = None
        self.warn = 0
        self.calendar: BusinessCalendar | None = None
        self.policy: int | str | None = None
        self.stretches: list[Stretch] = []
        self.since: int | None = started_at  # start of the open stretch; None: ended
        self.running = running
        self.elapsed = 0  # in closed stretches, like `paused`
        self.paused = 0
        self.due: int | None = None
        self.breached_at: int | None = None
        self.once_late = False
        self.fulfilled_at: int | None = None
        self.fulfilled_by: int | None = None
        self.cancelled = False

    def aim(self, target: int | None, calendar: BusinessCalendar | None) -> None:
        """Judge by another target or calendar from now on, as if from the start."""
        self.target = target
        if calendar is not self.calendar:
            self.calendar = calendar
            self.elapsed = self.paused = 0
            stretches, self.stretches = self.stretches, []
            for start, end, running, _ in stretches:
                self._keep(start, end, running)
        self.due = self.reaches(target)

    def reaches(self, seconds: int | None) -> int | None:
        """When the clock has run for so long; None while that is not known (paused, ended, no target).

        Reaching it at the very end of a stretch counts for the next one: due = add(resume, remaining), R5.
        """
        if seconds is None or self.calendar is None:
            return None
        if seconds <= self.elapsed:
            for start, end, running, length in self.stretches:
                if running:
                    if seconds <= length:
                        instant = self.calendar.add(start, seconds)
                        if instant < end:
                            return instant
                    seconds -= length
        else:
            seconds -= self.elapsed
        if self.since is None or not self.running:
            return None
        return self.calendar.add(self.since, seconds)

    def switch(self, t: int, *, running: bool) -> None:
        """Pause or go on at instant t."""
        if self.since is not None:
            self._keep(self.since, t, self.running)
        self.since, self.running = t, running
        self.due = self.reaches(self.target)

    def end(self, t: int) -> None:
        """Stop at instant t. A pause ends with it: the due time is what it would have been on going on (R5)."""
        if self.since is not None:
            self._keep(self.since, t, self.running)
        self.since = None
        if self.target is not None and self.calendar is not None and self.due is None:
            self.due = self.calendar.add(t, self.target - self.elapsed)

    def go_on(self, t: int, *, running: bool) -> None:
        """Open again at instant t with what was left (R7)."""
        self.fulfilled_at = self.fulfilled_by = None
        self.once_late = self.breached_at is not None
        self.since, self.running = t, running

    def begin_earlier(self, t: int) -> None:
        """Move the start back to instant t; the time won counts as running (R12)."""
        stretches, self.stretches = self.stretches, []
        self.elapsed = self.paused = 0
        self._keep(t, self.started_at, True)
        for start, end, running, _ in stretches:
            self._keep(start, end, running)
        self.started_at = t
        self.due = self.reaches(self.target)

    def elapsed_at(self, t: int) -> int:
        """Business seconds run until instant t, which is not before the last change."""
        if self.since is None or not self.running or self.calendar is None:
            return self.elapsed
        return self.elapsed + self.calendar.between(self.since, t)

    def paused_at(self, t: int) -> int:
        """Business seconds paused until instant t, which is not before the last change."""
        if self.since is None or self.running or self.calendar is None:
            return self.paused
        return self.paused + self.calendar.between(self.since, t)

    def _keep(self, start: int, end: int, running: bool) -> None:
        seconds = self.calendar.between(start, end) if self.calendar is not None else 0
        self.stretches.append((start, end, running, seconds))
        if running:
            self.elapsed += seconds
        else:
            self.paused += seconds
