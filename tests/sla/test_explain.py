"""The explanation: as a person reads it, and its hours add up whatever happened."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given, settings

from app.sla.calendar import BusinessCalendar
from app.sla.explain import accounts, explain
from app.sla.hours import CalendarSpec, WeeklyHours
from app.sla.policy import PolicyVersion, Target
from app.sla.replay import SlaClock
from app.sla.zones import zone
from tests.sla.histories import (
    CALENDARS,
    HOUR,
    POLICIES,
    agent,
    created,
    customer,
    event,
    june,
    numbered,
    status,
)
from tests.sla.test_replay_properties import FIXED, events, nows

BERLIN = zone("Europe/Berlin")
LONG_DAYS = BusinessCalendar.compile(
    CalendarSpec("long", 1, "Europe/Berlin", (WeeklyHours((((480, 1080),),) * 5 + ((), ())),)),
    date(2026, 6, 1),
    date(2026, 6, 30),
)
TWENTY_HOURS = {"long": PolicyVersion("long", "long", {"normal": {"resolution": Target(20 * HOUR)}})}


def told(now, *history, locale="en"):
    """The explanation of the resolution clock with the terms of the example: 20 hours, eight to six."""
    sla = SlaClock.replay(numbered(history), TWENTY_HOURS, {"long": LONG_DAYS}, june(now), explain=True)
    return explain(sla.trail, LONG_DAYS, locale, BERLIN)


ASKED = created("1 09:00", policy="long")
WAITED = (ASKED, status("1 10:00", "pending"), status("2 10:00", "open"))


def test_a_pause_in_english_and_german():
    (english,) = told("2 12:00", *WAITED)
    assert english == (
        "Resolution: due Thu 4 June 09:00. Target 20 h (priority normal). Ran Mon 1 June 09:00–10:00 (1 h). "
        "Paused Mon 1 June 10:00 – Tue 2 June 10:00, waiting for the customer (10 h of working time). "
        "Ran Tue 2 June 10:00–18:00 (8 h), Wed 3 June 08:00–18:00 (10 h), Thu 4 June 08:00–09:00 (1 h). Together 20 h."
    )
    (german,) = told("2 12:00", *WAITED, locale="de")
    assert german == (
        "Lösung: fällig Do. 4. Juni 09:00. Zusage 20 Std. (Priorität normal). Gelaufen Mo. 1. Juni 09:00–10:00 (1 Std.). "
        "Angehalten Mo. 1. Juni 10:00 – Di. 2. Juni 10:00, wartet auf Kundin/Kunde (10 Std. Arbeitszeit). "
        "Gelaufen Di. 2. Juni 10:00–18:00 (8 Std.), Mi. 3. Juni 08:00–18:00 (10 Std.), Do. 4. Juni 08:00–09:00 (1 Std.). "
        "Zusammen 20 Std."
    )


@pytest.mark.parametrize(
    ("now", "history", "head", "end"),
    [
        (
            "1 12:00",
            WAITED[:2],
            "Resolution: paused, no due time.",
            "Together 1 h, with 19 h left that is 20 h.",
        ),
        ("9 12:00", WAITED, "Resolution: overdue since Thu 4 June 09:00.", "Together 20 h."),
        (
            "9 12:00",
            (*WAITED, status("3 08:30", "solved")),
            "Resolution: done Wed 3 June 08:30, in time (due Thu 4 June 09:00).",
            "Together 9 h 30 min, with 10 h 30 min left that is 20 h.",
        ),
        (
            "9 12:00",
            (*WAITED, status("8 08:30", "solved")),
            "Resolution: done Mon 8 June 08:30, late",
            "Together 20 h.",
        ),
        (
            "9 12:00",
            (ASKED, event("1 12:00", "deleted")),
            "Resolution: ended Mon 1 June 12:00",
            "with 17 h left that is 20 h.",
        ),
    ],
)
def test_how_it_stands(now, history, head, end):
    (sentence,) = told(now, *history)
    assert sentence.startswith(head)
    assert sentence.endswith(end)


def test_a_pause_that_lasts_says_since_when():
    assert "Paused since Mon 1 June 10:00, waiting for the customer." in told("1 12:00", *WAITED[:2])[0]


def test_changed_terms_are_named():
    history = [
        created("1 10:00"),
        event("1 10:45", "priority", to="urgent"),
        event("1 11:00", "policy", to="half"),
    ]
    history += [
        event("1 11:15", "priority", to="normal"),
        event("1 11:30", "calendar_edit", calendar="office", to="office, 2nd closed"),
    ]
    history += [status("1 12:00", "solved"), status("3 10:00", "open")]
    sla = SlaClock.replay(numbered(history), POLICIES, CALENDARS, june("3 11:00"), explain=True)
    found = explain(
        [step for step in sla.trail if step.metric == "resolution"],
        CALENDARS["office, 2nd closed"],
        "en-GB",
        BERLIN,
    )
    assert found[0].startswith("Resolution: due Wed 3 June 16:00.")
    for words in (
        "Target 4 h since the priority became urgent, Mon 1 June 10:45.",
        "Target 8 h since the priority became normal, Mon 1 June 11:15.",
        "Working hours were corrected Mon 1 June 11:30.",
        "Reopened Wed 3 June 10:00; solved time does not count.",
        "Together 8 h.",
    ):
        assert words in found[0]


def test_an_older_request_moves_the_start():
    history = [created("1 10:00"), agent("1 11:00"), customer("1 14:00")]
    history.append(event("1 15:00", "merged_from", ticket=9, unanswered_since=june("1 13:00")))
    sla = SlaClock.replay(numbered(history), POLICIES, CALENDARS, june("1 15:30"), explain=True)
    (sentence,) = explain(
        [step for step in sla.trail if step.metric == "next_response"], CALENDARS["office"], "en", BERLIN
    )
    assert sentence == (
        "Next response: due Mon 1 June 16:00. Target 3 h (priority normal). Counts from Mon 1 June 13:00, the age of a merged request. "
        "Ran Mon 1 June 13:00–16:00 (3 h). Together 3 h."
    )


def test_a_long_time_is_summed_up_in_the_middle():
    book = {"long": PolicyVersion("long", "long", {"normal": {"resolution": Target(105 * HOUR)}})}
    sla = SlaClock.replay([ASKED], book, {"long": LONG_DAYS}, june("1 12:00"), explain=True)
    assert "5 more times (50 h)" in explain(sla.trail, LONG_DAYS, "en", BERLIN)[0]


@settings(max_examples=150, deadline=None)
@given(events(), nows)
def test_the_hours_add_up_to_the_target(history, now):
    history = [event for event in history if event.type not in FIXED or event.type == "priority"]
    key = history[0].data["policy"]
    calendar = CALENDARS[POLICIES[key].calendar] if key is not None else CALENDARS["office"]
    sla = SlaClock.replay(history, POLICIES, CALENDARS, now, explain=True)
    runs = {(run.metric, run.run_no): run for run in sla.runs}
    for account in accounts(sla.trail, calendar):
        run = runs[account.metric, account.run_no]
        assert (account.target, account.due, account.breached_at) == (run.target, run.due_at, run.breached_at)
        if run.target is None:
            continue
        assert account.ran + account.left == run.target
        assert account.left == 0 or not run.open or run.state == "paused"
        if run.state in ("met", "paused"):
            assert account.ran == run.elapsed
    shown = [account for account in accounts(sla.trail, calendar) if account.target is not None]
    german, english = (explain(sla.trail, calendar, locale, BERLIN) for locale in ("de", "en"))
    assert len(german) == len(english) == len(shown)
    for account, sentence in zip(shown, english, strict=True):
        ran = " ".join(re.findall(r"\bRan ([^.]*)\.", sentence))
        assert sum(_seconds(length) for length in re.findall(r"\(([^)]*)\)", ran)) == account.ran


def _seconds(length: str) -> int:
    units = {"h": 3600, "min": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+) (h|min|s)", length))
