"""Working hours: against a minute-by-minute walk, as properties, and by hand where a rule has an edge."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.sla.calendar import BusinessCalendar, NeverOpen, OutOfRange
from app.sla.hours import BadCalendar, CalendarSpec, ExceptionDay, Interval, WeeklyHours
from app.sla.zones import TZDATA, NoSuchZone, zone
from tests.sla import naive
from tests.sla.naive import at, calendars, midnight

DAYS = 18  # looked at minute by minute, around an odd date


def week(*hours: Interval, days: str = "1111100") -> WeeklyHours:
    """The same hours on the days marked with 1, Monday first."""
    return WeeklyHours(tuple(hours if mark == "1" else () for mark in days))


def compiled(
    *weekly: WeeklyHours, exceptions: tuple[ExceptionDay, ...] = (), tz: str = "Europe/Berlin"
) -> BusinessCalendar:
    spec = CalendarSpec("test", 1, tz, weekly, exceptions)
    return BusinessCalendar.compile(spec, date(2026, 1, 1), date(2026, 12, 31))


OFFICE = week((540, 1020))


# against the walk


@settings(max_examples=40, deadline=None)
@given(calendars(), st.randoms(use_true_random=False))
def test_agrees_with_a_walk_over_minutes(drawn, random):
    spec, middle = drawn
    start = midnight(middle - timedelta(days=DAYS // 2))
    flags = naive.open_minutes(spec, start, DAYS * 1440)
    total = naive.running_total(flags)
    calendar = BusinessCalendar.compile(spec, middle, middle)
    for _ in range(500):
        a, b = random.randrange(len(flags)), random.randrange(len(flags))
        assert calendar.between(start + 60 * a, start + 60 * b) == 60 * max(0, total[b] - total[a])
        assert calendar.is_open(start + 60 * a) == flags[a]
        rest = total[-1] - total[a]
        if rest:
            wanted = random.randrange(1, rest + 1)
            due = next(m for m in range(a + wanted, len(total)) if total[m] - total[a] == wanted)
            assert calendar.add(start + 60 * a, 60 * wanted) == start + 60 * due
            assert calendar.next_open(start + 60 * a) == start + 60 * flags.index(True, a)
        if (closed := next((m for m in range(a, 0, -1) if flags[m - 1] and not flags[m]), None)) is not None:
            assert calendar.last_close(start + 60 * a) == start + 60 * closed


@settings(max_examples=30, deadline=None)
@given(calendars())
def test_the_walk_tells_every_open_and_closed_stretch(drawn):
    spec, middle = drawn
    start, end = midnight(middle - timedelta(days=4)) + 7, midnight(middle + timedelta(days=4)) - 5
    calendar = BusinessCalendar.compile(spec, middle, middle)
    spans = calendar.walk(start, end)
    assert (spans[0].start, spans[-1].end) == (start, end)
    assert all(one.end == two.start and one.start < one.end for one, two in pairwise(spans))
    assert all(calendar.between(s.start, s.end) == (s.end - s.start if s.open else 0) for s in spans)
    tz = zone(spec.zone)
    exceptions = {exception.day: exception for exception in spec.exceptions}
    for span in spans:
        exception = exceptions.get(naive.wall(tz, span.start).date())
        assert span.name == (exception.name if exception else "")
        assert span.reason == ("weekly" if not exception else "holiday" if exception.holiday else "exception")


# properties


@settings(max_examples=60, deadline=None)
@given(
    calendars(),
    st.lists(st.integers(0, DAYS * 86400), min_size=3, max_size=3),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
)
def test_sums_and_due_times_hang_together(drawn, instants, n, m):
    spec, middle = drawn
    assume(any(spec.weekly[-1].days) and any(max(spec.weekly, key=lambda w: w.valid_from or date.min).days))
    calendar = BusinessCalendar.compile(spec, middle, middle)
    a, b, c = sorted(midnight(middle) + t for t in instants)
    assert calendar.between(a, b) + calendar.between(b, c) == calendar.between(a, c)
    assert 0 <= calendar.between(a, b) <= b - a
    assert calendar.between(b, a) == 0
    due = calendar.add(a, n)
    assert calendar.between(a, due) == n
    assert due == a or calendar.between(a, due - 1) == n - 1  # the earliest such instant
    assert calendar.add(due, m) == calendar.add(a, n + m)
    assert calendar.add(a, n) <= calendar.add(b, n)
    assert calendar.add(a, n) <= calendar.add(a, n + m)
    assert calendar.add(a, calendar.between(a, b)) <= b


@settings(max_examples=40, deadline=None)
@given(calendars(), st.integers(-5, 5), st.integers(0, 10 * 86400), st.integers(1, 10**6))
def test_one_more_closed_day_makes_nothing_due_earlier(drawn, days, start, n):
    spec, middle = drawn
    assume(any(max(spec.weekly, key=lambda w: w.valid_from or date.min).days))
    closed = middle + timedelta(days=days)
    others = tuple(exception for exception in spec.exceptions if exception.day != closed)
    fewer = replace(spec, exceptions=(*others, ExceptionDay(closed, "closed")))
    t = midnight(middle - timedelta(days=5)) + start
    before, after = (BusinessCalendar.compile(s, middle, middle) for s in (spec, fewer))
    assert before.add(t, n) <= after.add(t, n)


@settings(max_examples=30, deadline=None)
@given(calendars(), st.integers(-3 * 365 * 86400, 3 * 365 * 86400), st.integers(0, 3 * 365 * 86400))
def test_the_compiled_range_is_only_a_hint(drawn, start, length):
    spec, middle = drawn
    a = midnight(middle) + start
    small = BusinessCalendar.compile(spec, middle, middle)
    large = BusinessCalendar.compile(spec, middle - timedelta(days=1200), middle + timedelta(days=2400))
    assert small.between(a, a + length) == large.between(a, a + length)
    assert small.walk(a, a + 86400) == large.walk(a, a + 86400)


# clock changes


def test_a_day_of_round_the_clock_hours_has_23_and_25_hours():
    calendar = compiled(week((0, 1440), days="1111111"))
    assert calendar.between(at("2026-03-29 00:00"), at("2026-03-30 00:00")) == 23 * 3600
    assert calendar.between(at("2026-10-25 00:00"), at("2026-10-26 00:00")) == 25 * 3600


def test_hours_inside_the_gap_never_open_and_inside_the_repeated_hour_open_twice():
    calendar = compiled(week((120, 180), days="0000001"))
    assert calendar.between(at("2026-03-28 12:00"), at("2026-03-30 12:00")) == 0
    autumn = calendar.walk(at("2026-10-25 00:00"), at("2026-10-25 12:00"))
    assert [(span.open, span.end - span.start) for span in autumn if span.open] == [
        (True, 3600),
        (True, 3600),
    ]
    assert [span.clock_change for span in autumn] == [0, 0, -3600, 0]


def test_a_boundary_inside_the_repeated_hour_holds_in_both_passes():
    calendar = compiled(week((150, 600), days="0000001"))
    assert calendar.between(at("2026-10-25 00:00"), at("2026-10-25 12:00")) == (30 + 30 + 7 * 60) * 60


def test_a_date_that_a_zone_skipped_is_no_time_at_all():
    calendar = BusinessCalendar.compile(
        CalendarSpec("apia", 1, "Pacific/Apia", (week((0, 1440), days="1111111"),)),
        date(2011, 12, 1),
        date(2012, 1, 31),
    )
    new_year, thursday = at("2012-01-01 00:00", "Pacific/Apia"), at("2011-12-29 00:00", "Pacific/Apia")
    assert calendar.between(thursday, new_year) == 2 * 86400


# which hours a date has (T3, T4)


def test_intervals_of_a_day_are_a_union():
    calendar = compiled(week((540, 720), (600, 780), (780, 840)))
    assert calendar.between(at("2026-06-01 00:00"), at("2026-06-02 00:00")) == 5 * 3600


def test_closing_at_or_before_opening_is_the_next_day():
    nights, whole = compiled(week((1320, 360), days="1000000")), compiled(week((540, 540), days="1000000"))
    assert nights.between(at("2026-06-01 00:00"), at("2026-06-02 00:00")) == 2 * 3600
    assert nights.between(at("2026-06-02 00:00"), at("2026-06-03 00:00")) == 6 * 3600
    assert whole.between(at("2026-06-01 00:00"), at("2026-06-04 00:00")) == 24 * 3600


def test_a_holiday_closes_its_date_with_the_tail_of_the_night_before_and_leaves_its_own_tail():
    holiday = ExceptionDay(date(2026, 6, 3), "Holiday", holiday=True)
    calendar = compiled(week((1320, 360), days="1111111"), exceptions=(holiday,))
    assert calendar.between(at("2026-06-03 00:00"), at("2026-06-04 00:00")) == 0
    assert calendar.between(at("2026-06-04 00:00"), at("2026-06-04 12:00")) == 6 * 3600


def test_hours_of_an_exception_win_over_a_closing_and_replace_the_tail():
    day = date(2026, 12, 24)
    entries = (
        ExceptionDay(day, "Christmas Eve", holiday=True),
        ExceptionDay(day, "Short day", ((540, 780),)),
    )
    for exceptions in (entries, entries[::-1]):
        calendar = compiled(week((1320, 360), days="1111111"), exceptions=exceptions)
        assert calendar.between(at("2026-12-24 00:00"), at("2026-12-25 00:00")) == 4 * 3600
        spans = calendar.walk(at("2026-12-24 00:00"), at("2026-12-25 00:00"))
        assert {(span.reason, span.name) for span in spans} == {("exception", "Short day")}


def test_several_hours_of_one_exceptional_date_are_a_union():
    day = date(2026, 6, 2)
    split = (ExceptionDay(day, "Split", ((480, 600),)), ExceptionDay(day, "Split", ((570, 660), (720, 780))))
    calendar = compiled(OFFICE, exceptions=split)
    assert calendar.between(at("2026-06-02 00:00"), at("2026-06-03 00:00")) == 4 * 3600


def test_new_hours_begin_on_their_date_and_the_last_shift_of_the_old_ones_ends_as_it_began():
    night = week((1320, 360), days="1111111")
    calendar = compiled(night, replace(OFFICE, valid_from=date(2026, 6, 3)))
    assert calendar.between(at("2026-06-03 00:00"), at("2026-06-03 08:00")) == 6 * 3600
    assert calendar.between(at("2026-06-03 08:00"), at("2026-06-04 08:00")) == 8 * 3600


def test_before_the_first_validity_nothing_is_open():
    calendar = compiled(replace(OFFICE, valid_from=date(2026, 6, 1)))
    assert calendar.next_open(at("2020-01-01 00:00")) == at("2026-06-01 09:00")
    with pytest.raises(NeverOpen):
        calendar.last_close(at("2026-06-01 16:00"))


# refusals


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("zone", {"zone": "Europe/Atlantis"}),
        ("zone", {"zone": "../zones"}),
        ("weekly", {"weekly": (WeeklyHours(((540, 1020),)),)}),  # type: ignore[arg-type]
        ("weekly", {"weekly": (week((540, 1441)),)}),
        ("weekly", {"weekly": (week((1440, 60)),)}),
        ("weekly", {"weekly": (week((-1, 60)),)}),
        ("valid_from", {"weekly": (OFFICE, OFFICE)}),
        ("exceptions", {"exceptions": (ExceptionDay(date(2026, 1, 1), "", ((1320, 360),)),)}),
        ("exceptions", {"exceptions": (ExceptionDay(date(2026, 1, 1), "", ((540, 1500),)),)}),
    ],
)
def test_a_faulty_specification_is_refused_by_the_name_of_its_field(field, change):
    with pytest.raises(BadCalendar) as refusal:
        replace(CalendarSpec("test", 1, "Europe/Berlin", (OFFICE,)), **change)
    assert refusal.value.field == field
    with pytest.raises(NoSuchZone):
        zone("Europe/Atlantis")


def test_a_calendar_without_hours_raises_whatever_is_asked_of_it():
    never = compiled(week(days="1111111"))
    assert not never.spec.ever_opens()
    for question in (
        lambda: never.add(0, 60),
        lambda: never.add(0, 0),
        lambda: never.next_open(0),
        lambda: never.last_close(0),
    ):
        with pytest.raises(NeverOpen):
            question()
    assert never.between(0, 10**9) == 0
    assert not never.is_open(10**9)


def test_a_calendar_that_ends_counts_to_its_last_second_and_no_further():
    calendar = compiled(OFFICE, WeeklyHours(((),) * 7, date(2026, 6, 3)))
    assert calendar.add(at("2026-06-01 00:00"), 16 * 3600) == at("2026-06-02 17:00")
    with pytest.raises(NeverOpen):
        calendar.add(at("2026-06-01 00:00"), 16 * 3600 + 1)
    assert calendar.add(at("2026-06-08 00:00"), 0) == at("2026-06-08 00:00")


def test_hours_that_all_fall_on_holidays_open_after_the_last_of_them():
    mondays = [date(2026, 6, 1) + timedelta(days=7 * n) for n in range(60)]
    calendar = compiled(
        week((540, 600), days="1000000"), exceptions=tuple(ExceptionDay(day, "x") for day in mondays)
    )
    assert calendar.next_open(at("2026-05-26 00:00")) == at("2027-07-26 09:00")


def test_absurd_questions_end_soon():
    hour_a_week = compiled(week((540, 600), days="1000000"))
    began = time.perf_counter()
    assert (
        hour_a_week.between(at("2026-06-01 00:00"), hour_a_week.add(at("2026-06-01 00:00"), 10_000 * 3600))
        == 36_000_000
    )
    with pytest.raises(NeverOpen):
        hour_a_week.add(0, 10**15)
    with pytest.raises(ValueError, match="negative"):
        hour_a_week.add(0, -1)
    for t in (-(10**11), 10**11):
        with pytest.raises(OutOfRange):
            hour_a_week.is_open(t)
    assert time.perf_counter() - began < 20  # generous: it takes under one second


# sharing


def test_equal_by_id_version_and_zone_data():
    spec = CalendarSpec("office", 3, "Europe/Berlin", (OFFICE,))
    one, two = (BusinessCalendar.compile(spec, date(year, 1, 1), date(year, 1, 2)) for year in (2025, 2026))
    assert one == two
    assert {one: 1}[two] == 1
    assert one.key == ("office", 3, TZDATA)
    assert one != BusinessCalendar.compile(replace(spec, version=4), date(2026, 1, 1), date(2026, 1, 1))


def test_threads_may_share_a_calendar_while_it_grows():
    calendar = BusinessCalendar.compile(
        CalendarSpec("shared", 1, "Europe/Berlin", (OFFICE,)), date(2026, 1, 1), date(2026, 1, 1)
    )
    wrong: list[int] = []

    def ask(sign: int) -> None:
        for weeks in range(0, 1500, 7):
            start = at("2026-06-01 00:00") + sign * weeks * 7 * 86400
            if calendar.between(start, start + 28 * 86400) != 20 * 8 * 3600:
                wrong.append(start)

    threads = [threading.Thread(target=ask, args=(sign,)) for sign in (1, -1, 1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
