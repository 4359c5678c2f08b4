"""Opening hours and lengths of working time as people write them, and back again.

Knows texts only: no calendar, no policy, no language. What it writes is the same in German and English.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.errors import Refused
from app.sla.hours import Interval
from app.words import N_

_RANGE = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*[-–]\s*(\d{1,2})(?::(\d{2}))?", re.ASCII)
_CLOCK = re.compile(r"(-?)(\d{1,6}):(\d{2})", re.ASCII)
_PART = re.compile(r"(\d{1,7}(?:[.,]\d{1,4})?)\s*([a-zäöü]*)\.?", re.ASCII | re.IGNORECASE)
_UNITS = {
    60: ("", "h", "hr", "hrs", "hour", "hours", "std", "stunde", "stunden"),
    1: ("m", "min", "mins", "minute", "minutes", "minuten"),
}
_MINUTES = {name: minutes for minutes, names in _UNITS.items() for name in names}


def parse_hours(text: str, field: str = "hours") -> tuple[Interval, ...]:
    """Opening hours of a day: "9-12, 13:30-17", "22-6" over midnight, empty for closed. Raises `Refused`."""
    intervals = []
    for part in filter(None, (piece.strip() for piece in re.split(r"[,;]", text))):
        found = _RANGE.fullmatch(part)
        if found is None:
            raise Refused(N_("Write hours like 9:00-12:00, 13:00-17:00, or leave the day empty."), field)
        opens = int(found[1]) * 60 + int(found[2] or 0)
        closes = int(found[3]) * 60 + int(found[4] or 0)
        minutes = max(int(found[2] or 0), int(found[4] or 0))
        if opens > 1439 or closes > 1440 or minutes > 59 or opens == closes:
            raise Refused(N_("“%(hours)s” are no hours of a day."), field, hours=part)
        intervals.append((opens, closes or 1440))
    return tuple(sorted(intervals))


def written_hours(intervals: Sequence[Interval]) -> str:
    """The same hours as text."""
    return ", ".join(
        f"{opens // 60}:{opens % 60:02}-{closes // 60}:{closes % 60:02}" for opens, closes in intervals
    )


def parse_length(text: str, field: str = "length") -> int | None:
    """A length of working time in minutes: "4 h", "30 min", "1:30", "2 h 30 min", "1,5 Std."; a bare number is hours.

    None where nothing is written. A sign is kept, so that who reads it can say what is wrong. Raises `Refused`.
    """
    rest = text.strip()
    if not rest:
        return None
    if clock := _CLOCK.fullmatch(rest):
        minutes = int(clock[2]) * 60 + int(clock[3])
        if int(clock[3]) > 59:
            raise Refused(_NO_LENGTH, field, text=text)
        return -minutes if clock[1] else minutes
    sign, rest = (-1, rest[1:].lstrip()) if rest.startswith("-") else (1, rest)
    whole, total = rest, 0.0
    while rest:
        part = _PART.match(rest)
        unit = part[2].lower() if part else "?"
        if part is None or unit not in _MINUTES or not (unit or part.end() == len(whole)):
            raise Refused(_NO_LENGTH, field, text=text)
        total += float(part[1].replace(",", ".")) * _MINUTES[unit]
        rest = rest[part.end() :].lstrip()
    return sign * round(total)


_NO_LENGTH = N_("“%(text)s” is no length of time. Write hours and minutes like 4 h, 30 min or 1:30.")


def written_length(minutes: int) -> str:
    """A length of working time as text: "4 h", "30 min", "1 h 30 min"."""
    hours, rest = divmod(abs(minutes), 60)
    parts = [f"{hours} h"] if hours else []
    if rest or not hours:
        parts.append(f"{rest} min")
    return " ".join(parts)
