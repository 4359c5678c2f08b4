"""Calendars are changed with checks, versions and audit entries; running tickets follow."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from app.errors import Refused
from app.sla import calendar_keeping as keeping
from app.sla import public_holidays, queries, written
from app.sla.calendar import BusinessCalendar
from app.sla.models import BusinessCalendar as CalendarRow
from app.sla.models import CalendarException, SlaPolicy
from app.tickets import recounting
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
    assert written.parse_hours(written.written_hours(wanted)) == wanted


@pytest.mark.parametrize("text", ["9 to 5", "25-26", "9:75-10", "9-9", "-", "9-12-15", "٩-١٢"])
def test_nonsense_is_no_hours(text: str) -> None:
    with pytest.raises(Refused):
        written.parse_hours(text)


def test_new_hours_count_from_their_day_on(desk: Desk) -> None:
    calendar_id = calendar_of(desk)
    days = (*tuple(written.parse_hours("8-10") for _ in range(5)), (), ())
    week = keeping.Week("Standard", "Europe/Berlin", date(2026, 12, 7), days)
    keeping.save_calendar(desk.session, calendar_id, week, **GIVEN)
    found = compiled(desk, calendar_id)
    assert found.is_open(at(4, 15))
    assert not found.is_open(at(4, 7))
    assert found.is_open(at(7, 7))
    assert not found.is_open(at(7, 15))


def test_a_calendar_that_is_never_open_is_refused(desk: Desk) -> None:
    week = keeping.Week("Never", "Europe/Berlin", date(2026, 1, 1), ((),) * 7)
    with pytest.raises(Refused, match="not be open"):
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
    assert recounting.recount_of_calendar(desk.session, calendar_id, 0, now=MONDAY) == (2, None)
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
    assert [(one.name, one.year) for one in keeping.unreviewed(desk.session, date(2026, 10, 31))] == [
        ("Standard", 2026)
    ]
    named = {one.name: one.id for one in desk.session.scalars(select(CalendarException))}
    chosen = {key for name, key in named.items() if "Weihnachtstag" in name}
    assert keeping.review_holidays(desk.session, calendar_id, chosen, 2026, **GIVEN) == len(chosen) == 2
    assert not compiled(desk, calendar_id).is_open(at(25, 10))
    assert compiled(desk, calendar_id).is_open(at(6, 10, month=1)), "Epiphany was not accepted"
    assert keeping.unreviewed(desk.session, date(2026, 10, 31)) == []
    assert [one.year for one in keeping.unreviewed(desk.session, date(2026, 11, 1))] == [2027]
    assert keeping.review_holidays(desk.session, calendar_id, set(), 2027, **GIVEN) == 0
    assert keeping.unreviewed(desk.session, date(2026, 11, 1)) == [], (
        "no holiday closes: that is a review too"
    )


def test_another_region_replaces_what_nobody_accepted(desk: Desk) -> None:
    calendar_id = calendar_of(desk)
    for region in ("BY", "BE"):
        keeping.propose_holidays(desk.session, calendar_id, "DE", region, 2027, language="de", **GIVEN)
    names = set(desk.session.scalars(select(CalendarException.name)))
    assert "Heilige Drei Könige" not in names


@pytest.mark.parametrize(
    ("days", "named"),
    [
        (["9-12, 11-17", "", "", "", "", "", ""], "monday"),
        (["", "22-6", "5-9", "", "", "", ""], "wednesday"),
        (["1-9", "", "", "", "", "", "20-2"], "monday"),
        (["", "", "", "8-12, 22-6, 23-5", "", "", ""], "thursday"),
    ],
)
def test_hours_that_overlap_are_refused_on_their_day(desk: Desk, days: list[str], named: str) -> None:
    hours = tuple(written.parse_hours(day) for day in days)
    with pytest.raises(Refused, match="overlap") as refused:
        keeping.save_calendar(
            desk.session, None, keeping.Week("Odd", "Europe/Berlin", date(2026, 1, 1), hours), **GIVEN
        )
    assert refused.value.field == named


def test_hours_that_touch_do_not_overlap(desk: Desk) -> None:
    hours = tuple(written.parse_hours("0-6, 6-12, 22-24" if day == 1 else "22-0") for day in range(7))
    week = keeping.Week("Nights", "Europe/Berlin", date(2026, 1, 1), hours)
    assert keeping.save_calendar(desk.session, None, week, **GIVEN).version == 1


def test_a_calendar_whose_hours_all_fall_on_closed_days_is_refused(desk: Desk) -> None:
    calendar_id = calendar_of(desk)
    quarters = [date.fromordinal(MONDAY.toordinal() + 92 * number) for number in range(5)]
    periods = [(first, date.fromordinal(after.toordinal() - 1)) for first, after in pairwise(quarters)]
    for period in periods[:3]:
        keeping.close(desk.session, calendar_id, *period, "Shut", **GIVEN)
    with pytest.raises(Refused, match="not be open"):
        keeping.close(desk.session, calendar_id, *periods[3], "Shut for good", **GIVEN)


def test_a_closing_period_is_one_thing_from_first_to_last_day(desk: Desk) -> None:
    calendar_id = calendar_of(desk)
    given = (date(2026, 12, 24), date(2027, 1, 3), "Company holidays")
    assert keeping.close(desk.session, calendar_id, *given, **GIVEN) == 11
    keeping.close(desk.session, calendar_id, date(2027, 1, 4), date(2027, 1, 4), "Stocktaking", **GIVEN)
    days = desk.session.scalars(select(CalendarException).order_by(CalendarException.date)).all()
    periods = keeping.periods(days)
    assert [(one[0].date, one[-1].date) for one in periods] == [given[:2], (date(2027, 1, 4),) * 2]
    assert not compiled(desk, calendar_id).is_open(at(30, 10))
    assert keeping.remove_exception(desk.session, calendar_id, periods[0][4].id, **GIVEN) == 11
    assert compiled(desk, calendar_id).is_open(at(30, 10))
    assert desk.session.scalars(select(CalendarException.name)).all() == ["Stocktaking"]


def test_a_calendar_in_use_cannot_be_deleted(desk: Desk) -> None:
    standard = calendar_of(desk)
    with pytest.raises(Refused, match="only calendar"):
        keeping.delete_calendar(desk.session, standard, **GIVEN)
    week = keeping.Week("Spare", "Europe/Vienna", date(2026, 1, 1), (((540, 1020),),) * 7)
    spare = keeping.save_calendar(desk.session, None, week, **GIVEN).id
    with pytest.raises(Refused, match="Standard"):
        keeping.delete_calendar(desk.session, standard, **GIVEN)
    policy = desk.session.scalars(select(SlaPolicy)).one()
    policy.calendar_id = spare  # its first version still counts by the standard one
    with pytest.raises(Refused, match="Standard"):
        keeping.delete_calendar(desk.session, standard, **GIVEN)
    policy.calendar_id = standard
    keeping.delete_calendar(desk.session, spare, **GIVEN)
    assert desk.session.scalars(select(CalendarRow.name)).all() == ["Standard"]


def test_every_region_has_a_name_and_holidays() -> None:
    for country, regions in (("DE", 16), ("AT", 9), ("CH", 26)):
        found = public_holidays.subdivisions(country)
        assert len([code for code in found if len(code) <= 2]) == regions
        for code, name in found.items():
            assert len(name) > 2 or name == code == "Uri"
            assert len(public_holidays.public_holidays(country, code, 2027)) >= 5
