"""Working hours as arithmetic on epoch seconds: which instants are open, how long, and what is due when.

Knows no database, no present time and no public holidays: the days a calendar is closed come from its specification
(`hours`). Durations are real time; wall times are carried over to instants once, at their boundaries, so that no later
sum can meet a clock change.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import date
from itertools import accumulate
from threading import Lock
from typing import Literal, NamedTuple

from app.sla.hours import FIRST_DAY, LAST_DAY, CalendarSpec, WallHours, day_number
from app.sla.zones import DAY, TZDATA, Period, periods, zone

SOON = 16  # intervals: most of what is promised is due within so many


class NeverOpen(ValueError):
    """The calendar does not open (often enough) to count what was asked for."""


class OutOfRange(ValueError):
    """The instant lies outside the years 1900 to 2399."""


class Span(NamedTuple):
    """A stretch of one kind in `walk`: instants [start, end), open or not, and why.

    `clock_change` is by how many seconds the wall clock jumped at `start` (else 0).
    """

    start: int
    end: int
    open: bool
    reason: Literal["weekly", "holiday", "exception"]
    name: str
    clock_change: int = 0


class _Table(NamedTuple):
    """The compiled part, for the instants [low, high).

    `edges` alternates: opens, closes, opens, closes, ... So an instant is open when an odd number of edges lies at or
    before it. `sums[k]` is the open time of the first k intervals. `days[d]` is the number of edges until the start of
    the d-th day after `low` (in UTC), so that an instant is looked for among those of its day.
    """

    low: int
    high: int
    edges: list[int]
    sums: list[int]
    days: list[int]


class BusinessCalendar:
    """Open intervals in UTC with prefix sums; every question is a bisection. Immutable to its users.

    The compiled range grows by itself when a question goes beyond it, in one swap of a reference, so threads may share
    a calendar. Equal calendars have the same id, version and edition of the zone data.
    """

    __slots__ = ("_first_day", "_growing", "_hours", "_last_day", "_table", "_tz", "key", "spec")

    def __init__(self, spec: CalendarSpec, first: date, last: date) -> None:
        self.spec = spec
        self.key = (spec.id, spec.version, TZDATA)
        self._tz = zone(spec.zone)
        self._hours = WallHours(spec)
        self._growing = Lock()
        self._first_day, self._last_day = self._hours.open_days()
        low = max(FIRST_DAY, min(day_number(first), LAST_DAY - 1))
        self._table = self._build(low, min(LAST_DAY, max(low, day_number(last)) + 1))

    @classmethod
    def compile(cls, spec: CalendarSpec, first: date, last: date) -> BusinessCalendar:
        """The calendar with its intervals ready from `first` to `last` (local dates; a hint, not a limit)."""
        return cls(spec, first, last)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BusinessCalendar) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"BusinessCalendar{self.key!r}"

    # questions

    def add(self, start: int, seconds: int) -> int:
        """The earliest instant u >= start with between(start, u) = seconds (T5: due at closing stays at closing).

        Raises `NeverOpen` when the calendar has no hours (left), `ValueError` for a negative duration.
        """
        if seconds <= 0:
            if seconds < 0:
                raise ValueError("a duration cannot be negative")
            if not self.spec.ever_opens():
                raise NeverOpen(f"calendar {self.spec.id} has no opening hours")
            return start
        low, high, edges, sums, days = self._table
        if not low <= start < high:
            low, high, edges, sums, days = self._cover(start)
        day = (start - low) // DAY
        i = bisect_right(edges, start, days[day], days[day + 1])
        k = i >> 1
        wanted = sums[k] + seconds
        if i & 1:
            wanted += start - edges[i - 1]
        soon = k + SOON
        if soon < len(sums) and wanted <= sums[soon]:
            k = bisect_left(sums, wanted, k, soon)
        else:
            k = bisect_left(sums, wanted, k)
        if k == len(sums):
            self._grow_later()
            return self.add(start, seconds)
        return edges[2 * k - 2] + wanted - sums[k - 1]

    def between(self, a: int, b: int) -> int:
        """Open seconds in [a, b); 0 when b <= a (T5)."""
        if b <= a:
            return 0
        low, high, edges, sums, days = self._table
        if a < low or b >= high:
            self._cover(a)
            low, high, edges, sums, days = self._cover(b)
        day, last = (a - low) // DAY, (b - low) // DAY
        i = bisect_right(edges, a, days[day], days[day + 1])
        j = bisect_right(edges, b, days[last], days[last + 1])
        seconds = sums[j >> 1] - sums[i >> 1]
        if j & 1:
            seconds += b - edges[j - 1]
        if i & 1:
            seconds -= a - edges[i - 1]
        return seconds

    def is_open(self, t: int) -> bool:
        """Whether the wall clock of the zone shows an open date and time (T2)."""
        return bool(bisect_right(self._cover(t).edges, t) & 1)

    def next_open(self, t: int) -> int:
        """The earliest open instant >= t. Raises `NeverOpen` when there is none."""
        edges = self._cover(t).edges
        i = bisect_right(edges, t)
        if i & 1:
            return t
        if i == len(edges):
            self._grow_later()
            return self.next_open(t)
        return edges[i]

    def last_close(self, t: int) -> int:
        """The latest closing instant <= t. Raises `NeverOpen` when there is none."""
        edges = self._cover(t).edges
        i = bisect_right(edges, t)
        i -= i & 1
        if i == 0:
            self._grow_earlier()
            return self.last_close(t)
        return edges[i - 1]

    def walk(self, a: int, b: int) -> list[Span]:
        """The stretches of [a, b) with their reasons, in order and without holes; their open parts add up to `between`."""
        self._cover(a)
        table = self._cover(b)
        spans: list[Span] = []
        for start, end, day, jump in _dates(periods(self._tz, table.low, table.high), a, b):
            exception = self._hours.exception(day)
            reason: Literal["weekly", "holiday", "exception"] = "weekly"
            if exception is not None:
                reason = "holiday" if exception.holiday else "exception"
            name = exception.name if exception is not None else ""
            for piece_start, piece_end, is_open in _cut(table, start, end):
                change = jump if piece_start == start else 0
                last = spans[-1] if spans else None
                if last is not None and not change and last[2:5] == (is_open, reason, name):
                    spans[-1] = last._replace(end=piece_end)
                else:
                    spans.append(Span(piece_start, piece_end, is_open, reason, name, change))
        return spans

    # compiling

    def _cover(self, t: int) -> _Table:
        """A table that holds instant t."""
        if not FIRST_DAY * DAY <= t < LAST_DAY * DAY:
            raise OutOfRange(f"instant {t} is outside the years 1900 to 2399")
        while t >= self._table.high:
            self._swap(self._table.low, t + DAY)
        while t < self._table.low:
            self._swap(t - 366 * DAY, self._table.high)
        return self._table

    def _grow_later(self) -> None:
        if self._table.high >= self._last_day * DAY:
            raise NeverOpen(f"calendar {self.spec.id} does not open (any more)")
        self._swap(self._table.low, self._table.high + 366 * DAY)

    def _grow_earlier(self) -> None:
        if self._table.low <= self._first_day * DAY:
            raise NeverOpen(f"calendar {self.spec.id} was never open before")
        self._swap(self._table.low - 366 * DAY, self._table.high)

    def _swap(self, low: int, high: int) -> None:
        """Compile at least [low, high) and twice what there was, so that growing stays linear in the days asked for.

        The lock keeps two growing threads from taking each other's range back.
        """
        with self._growing:
            table = self._table
            span = table.high - table.low
            low = min(low, table.low - span) if low < table.low else table.low
            high = max(high, table.high + span) if high > table.high else table.high
            self._table = self._build(max(FIRST_DAY, low // DAY), min(LAST_DAY, -(-high // DAY)))

    def _build(self, low_day: int, high_day: int) -> _Table:
        """Open wall times of the dates, carried over to instants offset by offset (T2, T8).

        In the spring gap no instant shows the skipped times; the repeated autumn hour is met once in each offset.
        """
        wall_starts, wall_ends = self._hours.open_times(low_day - 2, high_day + 2)
        low, high = low_day * DAY, high_day * DAY
        edges: list[int] = []
        for period in periods(self._tz, low, high):
            offset = period.offset
            first, last = period.start + offset, period.end + offset
            i = bisect_right(wall_ends, first)
            while i < len(wall_starts) and wall_starts[i] < last:
                start, end = max(wall_starts[i], first) - offset, min(wall_ends[i], last) - offset
                if edges and edges[-1] == start:
                    edges[-1] = end
                else:
                    edges += (start, end)
                i += 1
        lengths = (end - start for start, end in zip(edges[::2], edges[1::2], strict=True))
        days = [bisect_right(edges, start) for start in range(low, high + 1, DAY)]
        return _Table(low, high, edges, list(accumulate(lengths, initial=0)), days)


def _cut(table: _Table, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """[start, end) cut where the calendar opens and closes: (start, end, open)."""
    i = bisect_right(table.edges, start)
    while start < end:
        stop = min(end, table.edges[i]) if i < len(table.edges) else end
        yield start, stop, bool(i & 1)
        start = stop
        i += 1


def _dates(zone_periods: tuple[Period, ...], a: int, b: int) -> Iterator[tuple[int, int, int, int]]:
    """[a, b) cut at local midnights and clock changes: (start, end, local day, seconds the clock jumped at start)."""
    jumped = 0
    for i, (low, high, offset) in enumerate(zone_periods):
        start, end = max(low, a), min(high, b)
        while start < end:
            if i and start == low:
                jumped = offset - zone_periods[i - 1].offset
            day = (start + offset) // DAY
            stop = min(end, (day + 1) * DAY - offset)
            yield start, stop, day, jumped
            start, jumped = stop, 0
