"""Lists that page by key: so many rows from a place on, forwards or back, without counting what was skipped.

Knows no table. The place is a short text for the address; a damaged one means the first page.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.types import TypeEngine

from app.db import Instant

ROWS = 25

Key = ColumnElement[Any] | InstrumentedAttribute[Any]


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one page. `after` is the place for the next page, `before` for the one ahead; None: there is none."""

    rows: list[Row[Any]]
    after: str | None
    before: str | None


def page(
    session: Session,
    statement: Select[Any],
    keys: Sequence[Key],
    *,
    descending: bool = False,
    after: str | None = None,
    before: str | None = None,
    rows: int = ROWS,
) -> Page:
    """One page of `statement`, sorted by `keys`, whose last one must be unique. One statement.

    `after` and `before` are places given by an earlier page; at most one of them counts, `before` first.
    """
    backwards = before is not None
    place = _read(before if backwards else after, keys)
    falling = descending != backwards
    if place is not None:
        here = tuple_(*keys)
        there = tuple_(*(literal(value, key.type) for value, key in zip(place, keys, strict=True)))
        statement = statement.where(here < there if falling else here > there)
    else:
        backwards, falling = False, descending
    order = [key.desc() if falling else key.asc() for key in keys]
    labels = [key.label(f"key_{number}") for number, key in enumerate(keys)]
    found = session.execute(statement.add_columns(*labels).order_by(*order).limit(rows + 1)).all()
    more, shown = len(found) > rows, list(found[:rows])
    if backwards:
        shown.reverse()
    has_next, has_previous = (True, more) if backwards else (more, place is not None)
    return Page(
        rows=shown,
        after=_write(shown[-1], len(keys)) if shown and has_next else None,
        before=_write(shown[0], len(keys)) if shown and has_previous else None,
    )


def _write(row: Row[Any], count: int) -> str:
    values = [row[-count + number] for number in range(count)]
    plain = [int(value.timestamp()) if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _read(place: str | None, keys: Sequence[Key]) -> list[Any] | None:
    if not place:
        return None
    try:
        plain = json.loads(base64.urlsafe_b64decode(place + "=" * (-len(place) % 4)))
        if not isinstance(plain, list) or len(plain) != len(keys):
            return None
        return [_value(value, key.type) for value, key in zip(plain, keys, strict=True)]
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def _value(plain: Any, kind: TypeEngine[Any]) -> Any:
    wanted = int if isinstance(kind, Instant) else kind.python_type
    if type(plain) is not wanted or (isinstance(plain, int) and abs(plain) > 2**62):
        raise ValueError(plain)
    return datetime.fromtimestamp(plain, UTC) if isinstance(kind, Instant) else plain
