"""Lists that page by key: so many rows from a place on, forwards or back, without counting what was skipped.

Knows no table. The place is a short text for the address; a damaged one means the first page.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, bindparam, tuple_
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


class Listing:
    """A list that is asked page by page. Made once where it is asked often: making its statement takes longer than
    asking it. Values that differ stand in the statement by name (`bindparam`) and are given with each page."""

    def __init__(
        self, statement: Select[Any], keys: Sequence[Key], *, descending: bool = False, rows: int = ROWS
    ) -> None:
        """Sorted by `keys`, whose last one must be unique."""
        self._statement = statement
        self._keys = tuple(keys)
        self._descending = descending
        self._rows = rows
        self._made: dict[tuple[bool, bool], Select[Any]] = {}

    def narrowed(self, which: ColumnElement[bool]) -> Listing:
        """The same list with fewer rows, made for this once."""
        return Listing(self._statement.where(which), self._keys, descending=self._descending, rows=self._rows)

    def page(
        self,
        session: Session,
        values: Mapping[str, Any] | None = None,
        *,
        after: str | None = None,
        before: str | None = None,
    ) -> Page:
        """One page. One statement.

        `after` and `before` are places given by an earlier page; at most one of them counts, `before` first.
        """
        place = _read(before if before is not None else after, self._keys)
        backwards = before is not None and place is not None
        statement = self._from_a_place(place is not None, self._descending != backwards)
        there = {f"place_{number}": value for number, value in enumerate(place or [])}
        found = session.execute(statement, {**(values or {}), **there}).all()
        more, shown = len(found) > self._rows, list(found[: self._rows])
        if backwards:
            shown.reverse()
        has_next, has_previous = (True, more) if backwards else (more, place is not None)
        return Page(
            rows=shown,
            after=_write(shown[-1], len(self._keys)) if shown and has_next else None,
            before=_write(shown[0], len(self._keys)) if shown and has_previous else None,
        )

    def _from_a_place(self, placed: bool, falling: bool) -> Select[Any]:
        made = self._made.get((placed, falling))
        if made is None:
            labels = [key.label(f"key_{number}") for number, key in enumerate(self._keys)]
            order = [key.desc() if falling else key.asc() for key in self._keys]
            made = self._statement.add_columns(*labels).order_by(*order).limit(self._rows + 1)
            if placed:
                here = tuple_(*self._keys)
                there = tuple_(
                    *(bindparam(f"place_{number}", type_=key.type) for number, key in enumerate(self._keys))
                )
                made = made.where(here < there if falling else here > there)
            self._made[placed, falling] = made
        return made


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
    """One page of a list made for this once (`Listing`). One statement."""
    return Listing(statement, keys, descending=descending, rows=rows).page(
        session, after=after, before=before
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
