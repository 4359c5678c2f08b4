"""The plan of an erasure: nothing under a hold or before the end of a statutory term is deleted, and every kept thing
says why and until when."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.privacy import labels
from app.privacy.planner import (
    ANONYMISE,
    DELETE,
    KEEP,
    RESTRICT,
    STATUTORY_YEARS,
    Facts,
    Hold,
    Plan,
    RowFact,
    TicketFact,
    fate_of,
    plan,
    statutory_end,
)

TODAY = date(2026, 11, 23)
DAYS = st.dates(date(2010, 1, 1), date(2040, 12, 31))
HOLDS = st.none() | st.builds(Hold, st.sampled_from(("legal_case", "dispute", "claim", "authority")), DAYS)
TICKETS = st.lists(
    st.builds(
        TicketFact,
        key=st.uuids().map(str),
        retention=st.sampled_from(("ticket_support", "trade_letter", "receipt")),
        last_day=DAYS,
        mine=st.booleans(),
        is_open=st.booleans(),
        texts=st.integers(0, 5),
        files=st.integers(0, 3),
        hold=HOLDS,
        messages=st.lists(st.uuids().map(str), max_size=3).map(tuple),
    ),
    max_size=8,
    unique_by=lambda ticket: ticket.key,
).map(tuple)
ROWS = st.lists(
    st.builds(
        RowFact,
        table=st.sampled_from(("draft", "token", "audit_entry", "privacy_request", "person")),
        action=st.sampled_from((DELETE, ANONYMISE, KEEP)),
        reason=st.sampled_from(("asked", "figures", "audit", "proof")),
        count=st.integers(0, 9),
    ),
    max_size=5,
    unique_by=lambda row: row.table,
).map(tuple)
FACTS = st.builds(
    Facts, scope=st.just("person"), key=st.uuids().map(str), tickets=TICKETS, rows=ROWS, hold=HOLDS
)


@given(FACTS, DAYS)
def test_no_plan_deletes_under_a_hold_or_before_the_term(facts: Facts, today: date) -> None:
    made = plan(facts, today)
    for ticket in facts.tickets:
        gone = ticket.key in made.delete or bool(set(ticket.messages) & set(made.texts))
        if facts.hold or ticket.hold:
            assert not gone
        years = STATUTORY_YEARS.get(ticket.retention)
        if years is not None and today <= date(ticket.last_day.year + years, 12, 31):
            assert not gone
        elif not (facts.hold or ticket.hold) and ticket.mine:
            assert gone
    if facts.hold:
        assert not [line for line in made.lines if line.action in (DELETE, ANONYMISE)]
        assert made.held


@given(FACTS, DAYS)
def test_every_kept_line_says_why_and_until_when(facts: Facts, today: date) -> None:
    for line in plan(facts, today).kept:
        assert line.reason in labels.REASON
        assert line.until is not None
        assert line.count


@given(FACTS, DAYS)
def test_every_request_is_in_exactly_one_of_the_lists(facts: Facts, today: date) -> None:
    made = plan(facts, today)
    mine = sorted(ticket.key for ticket in facts.tickets if ticket.mine)
    assert sorted([*made.delete, *made.restrict]) == mine
    counted = sum(line.count for line in made.lines if line.group == "tickets")
    assert counted == len(mine)
    texts = sum(line.count for line in made.lines if line.group in ("texts", "texts_elsewhere"))
    assert texts == sum(ticket.texts for ticket in facts.tickets)


@given(FACTS, DAYS)
def test_a_plan_that_was_kept_is_the_same_plan(facts: Facts, today: date) -> None:
    made = plan(facts, today)
    again = Plan.from_json(made.as_json())
    assert again == made
    assert again.digest == made.digest
    assert plan(facts, today).digest == made.digest


@given(FACTS, DAYS)
def test_every_code_has_words(facts: Facts, today: date) -> None:
    for line in plan(facts, today).lines:
        assert labels.group(line.group) != line.group
        assert line.action in labels.ACTION
        assert line.reason in labels.REASON


@pytest.mark.parametrize(
    ("retention", "last_day", "end"),
    [
        ("trade_letter", date(2020, 1, 1), date(2026, 12, 31)),
        ("trade_letter", date(2019, 12, 31), date(2025, 12, 31)),
        ("receipt", date(2018, 6, 30), date(2026, 12, 31)),
        ("ticket_support", date(2026, 1, 1), None),
    ],
)
def test_terms_run_from_the_end_of_the_calendar_year(
    retention: str, last_day: date, end: date | None
) -> None:
    assert statutory_end(retention, last_day) == end


def test_the_last_day_of_the_term_still_counts() -> None:
    letter = TicketFact("t", "trade_letter", date(2020, 3, 1))
    assert fate_of(letter, date(2026, 12, 31)).action == RESTRICT
    assert fate_of(letter, date(2027, 1, 1)).action == DELETE


def test_a_hold_never_shortens_a_term() -> None:
    letter = TicketFact("t", "receipt", TODAY, hold=Hold("claim", TODAY + timedelta(days=9)))
    assert fate_of(letter, TODAY).until == date(2034, 12, 31)
    assert fate_of(letter, TODAY).reason == "hold.claim"


def test_the_sender_of_a_kept_letter_is_kept_as_long() -> None:
    letter = TicketFact("t", "trade_letter", TODAY, texts=2)
    made = plan(Facts("person", "p", (letter, TicketFact("s", "ticket_support", TODAY))), TODAY)
    (sender,) = [line for line in made.lines if line.group == "identity"]
    assert (sender.action, sender.until) == (RESTRICT, date(2032, 12, 31))
    assert (made.delete, made.restrict) == (("s",), ("t",))


def test_letters_of_others_do_not_keep_her_name() -> None:
    letter = TicketFact("t", "trade_letter", TODAY, mine=False, texts=1, messages=("m",))
    made = plan(Facts("person", "p", (letter,)), TODAY)
    assert (made.texts, made.restrict) == ((), ())
    assert [line.group for line in made.lines] == ["texts_elsewhere"]
