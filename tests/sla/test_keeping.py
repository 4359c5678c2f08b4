"""Calendars and promises are changed with checks, versions and audit entries; running tickets follow."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from app.errors import Refused
from app.sla import keeping, queries
from app.sla.calendar import BusinessCalendar
from app.sla.models import BusinessCalendar as CalendarRow
from app.sla.models import CalendarException, SlaPolicy
from app.tickets import upkeep
from app.tickets.models import SlaClock
from tests.tickets.conftest import MONDAY, Desk, desk

__all__ = ["desk"]

GIVEN = {"actor_id": None, "now": MONDAY}


def calendar_of(desk: Desk) -> int:
    desk.open()  # the first request makes calendar and promise
    return desk.session.scalars(select(CalendarRow.id)).one()


def compiled(desk: Desk, calendar_id: int) -> BusinessCalendar:
    return BusinessCalendar.compile(
        queries.spec(desk.session, calendar_id), date(2026, 1, 1), date(2027, 12, 31)
    )


def at(day: int, hour: int, month: int = 12) -> int:
    return int(datetime(2026, month, day, hour, tzinfo=UTC).timestamp())


@given(st.lists(st.tuples(st.integers(0, 1439), st.integers(1, 1440)), max_size=4))
def test_hours_come_back_as_they_were_written(intervals: list[tuple[int, int]]) -> None:
    wanted = tuple(sorted({pair for pair in intervals if pair[0] != pair[1]}))
    assert keeping.parse_hours(keeping.written_hours(wanted)) == wanted


@pytest.mark.parametrize("text", ["9 to 5", "25-26", "9:75-10", "9-9", "-", "9-12-15", "٩-١٢"])
def test_nonsense_is_no_hours(text: str) -> None:
    with pytest.raises(Refused):
        keeping.parse_hours(text)


def test_new_hours_count_from_their_day_on(desk: Desk) -> None:
    calendar_id = calendar_of(desk)
    days = (*tuple(keeping.parse_hours("8-10") for _ in range(5)), (), ())
    week = keeping.Week("Standard", "Europe/Berlin", date(2026, 12, 7), days)
    keeping.save_calendar(desk.session, calendar_id, week, **GIVEN)
    found = compiled(desk, calendar_id)
    assert found.is_open(at(4, 15))
    assert not found.is_open(at(4, 7))
    assert found.is_open(at(7, 7))
    assert not found.is_open(at(7, 15))


def test_a_calendar_that_is_never_open_is_refused(desk: Desk) -> None:
    week = keeping.Week("Never", "Europe/Berlin", date(2026, 1, 1), ((),) * 7)
    with pytest.raises(Refused, match="never be open"):
        keeping.save_calendar(desk.session, None, week, **GIVEN)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd"])
def test_a_zone_that_does_not_exist_is_refused(desk: Desk, zone: str) -> None:
    week = keeping.Week("Odd", zone, date(2026, 1, 1), (((540, 1020),),) * 7)
    with pytest.raises(Refused, match="time zone"):
        keeping.save_calendar(desk.session, None, week, **GIVEN)


def test_closed_days_move_running_deadlines_and_leave_finished_clocks(desk: Desk) -> None:
    calendar_id = calendar_of(desk)
    sent = desk.open(MONDAY)
    before = desk.ticket(sent).next_due_at
    assert before is not None
    keeping.close(desk.session, calendar_id, date(2026, 11, 23), date(2026, 11, 24), "Stocktaking", **GIVEN)
    upkeep.recount(desk.session, calendar_id, now=MONDAY)
    after = desk.ticket(sent).next_due_at
    assert after is not None
    assert after > before
    clock = desk.session.scalars(select(SlaClock).where(SlaClock.ticket_id == sent.ticket_id)).one()
    assert clock.due_at == after


@pytest.mark.parametrize(
    ("first", "last"), [(date(2026, 12, 24), date(2026, 12, 23)), (date(2026, 1, 1), date(2027, 1, 1))]
)
def test_an_odd_closing_period_is_refused(desk: Desk, first: date, last: date) -> None:
    with pytest.raises(Refused):
        keeping.close(desk.session, calendar_of(desk), first, last, "Odd", **GIVEN)


def test_a_half_day_has_its_own_hours(desk: Desk) -> None:
    calendar_id = calendar_of(desk)
    keeping.open_differently(
        desk.session, calendar_id, date(2026, 12, 24), (540, 720), "Christmas Eve", **GIVEN
    )
    found = compiled(desk, calendar_id)
    assert found.is_open(at(24, 9))
    assert not found.is_open(at(24, 13))


def test_proposed_holidays_count_only_once_reviewed(desk: Desk) -> None:
    calendar_id = calendar_of(desk)
    assert keeping.propose_holidays(desk.session, calendar_id, "DE", "BY", 2026, language="de", **GIVEN) > 10
    assert compiled(desk, calendar_id).is_open(at(25, 10))
    assert keeping.unreviewed(desk.session, 2026) == ["Standard"]
    named = {one.name: one.id for one in desk.session.scalars(select(CalendarException))}
    chosen = {key for name, key in named.items() if "Weihnachtstag" in name}
    assert keeping.review_holidays(desk.session, calendar_id, chosen, 2026, **GIVEN) == len(chosen) == 2
    assert not compiled(desk, calendar_id).is_open(at(25, 10))
    assert compiled(desk, calendar_id).is_open(at(6, 10, month=1)), "Epiphany was not accepted"
    assert keeping.unreviewed(desk.session, 2026) == []


def test_another_region_replaces_what_nobody_accepted(desk: Desk) -> None:
    calendar_id = calendar_of(desk)
    for region in ("BY", "BE"):
        keeping.propose_holidays(desk.session, calendar_id, "DE", region, 2027, language="de", **GIVEN)
    names = set(desk.session.scalars(select(CalendarException.name)))
    assert "Heilige Drei Könige" not in names


def test_targets_make_a_new_version_for_new_tickets(desk: Desk) -> None:
    old = desk.open()
    due = desk.ticket(old).next_due_at
    policy_id = desk.session.scalars(select(SlaPolicy.id)).one()
    targets = {"urgent": (60, 10), "high": (120, 30), "normal": (180, 60), "low": (600, 0)}
    version = keeping.save_targets(desk.session, policy_id, targets, **GIVEN)
    assert version is not None
    assert version.number == 2
    assert keeping.save_targets(desk.session, policy_id, targets, **GIVEN) is None
    new = desk.open()
    assert desk.ticket(old).next_due_at == due
    assert desk.ticket(new).next_due_at < due
    assert desk.ticket(new).policy_version_id == version.id


@pytest.mark.parametrize("minutes", [(0, 0), (-5, 0), (600_000, 0), (60, 60), (60, -1)])
def test_impossible_targets_are_refused(desk: Desk, minutes: tuple[int, int]) -> None:
    desk.open()
    policy_id = desk.session.scalars(select(SlaPolicy.id)).one()
    with pytest.raises(Refused):
        keeping.save_targets(desk.session, policy_id, {"normal": minutes}, **GIVEN)
