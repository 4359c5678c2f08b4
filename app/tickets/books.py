"""What a ticket's history is judged by: the policy versions it names, and each calendar as it was at the time.

Reads promises and hours, and hands both to the engine; knows no ticket but its history.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from sqlalchemy.orm import Session

from app.sla import queries as sla
from app.sla import snapshots
from app.sla.calendar import BusinessCalendar
from app.sla.queries import Offer
from app.sla.replay import Event, Run, SlaClock, TicketSla
from app.tickets.events import EventType
from app.tickets.histories import forget_gone, versions_in


class Books:
    """Policy versions and calendars for any number of histories; what was asked once is kept.

    `instead` puts other calendars in the place of some, by id, for the whole of every history (a trial of new hours).
    """

    def __init__(
        self,
        session: Session,
        offers: Mapping[int, Offer],
        *,
        instead: Mapping[int, BusinessCalendar] | None = None,
    ) -> None:
        self.offers = dict(offers)
        self._session = session
        self._policies: dict[Any, Any] = {key: offer.version for key, offer in self.offers.items()}
        self._present: dict[Any, Any] = dict(instead or {})
        self._since: dict[int, int] = {}
        for offer in self.offers.values():
            if offer.calendar_id not in self._present:
                self._present[offer.calendar_id] = sla.calendar(
                    session, offer.calendar_id, offer.calendar_version
                )
                if offer.calendar_since is not None:
                    self._since[offer.calendar_id] = int(offer.calendar_since.timestamp())
        self._timelines: dict[int, list[tuple[int, int]]] | None = None
        self._kept: dict[tuple[int, int], BusinessCalendar] = {}

    @classmethod
    def naming(cls, session: Session, histories: Iterable[Iterable[Event]]) -> Books:
        """Books with the policy versions that these histories name; those that are gone are missing. One
        statement."""
        return cls(session, sla.book(session, versions_in(chain.from_iterable(histories))))

    def replay(self, history: Sequence[Event], now: int, *, explain: bool = False) -> TicketSla:
        """The ticket's clocks at `now`. A policy that is gone promises nothing; a calendar that was changed counts
        from the change on for what was still open then (R11)."""
        events, calendars = self._given(history)
        return SlaClock.replay(events, self._policies, calendars, now, explain=explain)

    def verdicts(self, history: Sequence[Event], now: int) -> dict[Run, str]:
        """The ticket's clocks that are decided at `now`, under the same rules."""
        events, calendars = self._given(history)
        return SlaClock.verdicts(events, self._policies, calendars, now)

    def _given(self, history: Sequence[Event]) -> tuple[Sequence[Event], Mapping[Any, Any]]:
        """What the engine is given for a history: events and calendars."""
        forget_gone(history, self._policies)
        if self._since and history:
            began = min(event.at for event in history)
            if any(since > began for since in self._since.values()):
                calendars, edits = self._as_they_were(history, began)
                return [*history, *edits], calendars
        return history, self._present

    def _as_they_were(self, history: Sequence[Event], began: int) -> tuple[dict[Any, Any], list[Event]]:
        """Calendars with the version in force at the beginning, and an event for each later one."""
        if self._timelines is None:
            self._timelines = snapshots.timelines(self._session, self._since)
        named = versions_in(history) & self.offers.keys()
        used = {self.offers[version].calendar_id for version in named}
        calendars, edits = dict(self._present), list[Event]()
        for calendar_id in used & self._since.keys():
            versions = self._timelines[calendar_id]
            first = max(0, bisect_right(versions, (began, 1 << 62)) - 1)
            calendars[calendar_id] = self._version(calendar_id, versions[first][1])
            for since, number in versions[first + 1 :]:
                key = f"{calendar_id}:{number}"
                calendars[key] = self._version(calendar_id, number)
                edits.append(
                    Event(0, since, EventType.CALENDAR_EDIT, data={"calendar": calendar_id, "to": key})
                )
        return calendars, edits

    def _version(self, calendar_id: int, number: int) -> BusinessCalendar:
        key = (calendar_id, number)
        if key not in self._kept:
            self._kept[key] = snapshots.calendar(self._session, calendar_id, number)
        return self._kept[key]

    def calendar_of(self, version_id: int | None) -> BusinessCalendar | None:
        """The calendar in force now under a policy version."""
        offer = self.offers.get(version_id or 0)
        return None if offer is None else self._present[offer.calendar_id]
