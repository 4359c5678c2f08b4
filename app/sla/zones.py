"""Time zones of one pinned edition of the IANA database: by name, and as periods of one offset in epoch seconds.

Knows nothing of working hours. Reads the edition that is installed with the portal and never the host's, so that
every host computes equal due times; `TZDATA` names it.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from importlib import metadata, resources
from typing import NamedTuple
from zoneinfo import ZoneInfo

TZDATA = metadata.version("tzdata")
DAY = 86400


class NoSuchZone(ValueError):
    """The edition has no zone of that name."""


class Period(NamedTuple):
    """Instants [start, end) that share one offset (seconds) between wall clock and UTC."""

    start: int
    end: int
    offset: int


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """The names of all zones."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The zone of that name. Raises `NoSuchZone`."""
    if name not in zone_names():
        raise NoSuchZone(f"there is no time zone {name!r}")
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@lru_cache(maxsize=128)
def periods(tz: ZoneInfo, low: int, high: int) -> tuple[Period, ...]:
    """The offsets in force in [low, high). A change is found by looking once a day and halving the day."""
    found: list[Period] = []
    start, offset = low, offset_at(tz, low)
    for t in range(low, high, DAY):
        later = offset_at(tz, t + DAY)
        if later == offset:
            continue
        same, changed = t, t + DAY
        while changed - same > 1:
            middle = (same + changed) // 2
            same, changed = (middle, changed) if offset_at(tz, middle) == offset else (same, middle)
        found.append(Period(start, changed, offset))
        start, offset = changed, later
    if start < high:
        found.append(Period(start, high, offset))
    return tuple(found)


def offset_at(tz: ZoneInfo, t: int) -> int:
    """Seconds between wall clock and UTC at instant t."""
    shift = datetime.fromtimestamp(t, tz).utcoffset()
    assert shift is not None
    return int(shift.total_seconds())
