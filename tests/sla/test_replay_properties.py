"""Clocks under random histories: what must hold whatever happened to a ticket."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.sla.replay import Event, SlaClock, TicketSla
from tests.sla import naive
from tests.sla.histories import CALENDARS, HOUR, MINUTE, POLICIES, june

START = june("1 08:00")
LENGTH = 12 * 24 * HOUR
STATUSES = ("open", "pending", "on_hold", "solved", "closed")
DONE = ("solved", "closed")
FIXED = ("priority", "policy", "calendar_edit", "merged_into", "merged_from", "deleted")
"""Events that change terms or end the ticket: left out where a test compares with a plain sum."""

_status = st.fixed_dictionaries({"to": st.sampled_from(STATUSES)})
_say: dict[str, Any] = {"public": st.booleans(), "auto": st.booleans(), "is_requester": st.booleans()}
_instants = st.one_of(
    st.integers(0, LENGTH // MINUTE).map(lambda m: m * MINUTE),
    st.integers(0, 12 * 24).map(lambda h: h * HOUR),
)


@st.composite
def events(draw: st.DrawFn, *, terms: bool = True) -> list[Event]:
    """A ticket's life: messages of all kinds, statuses, other terms; ids in the order of writing."""
    facts = {
        "by": draw(st.sampled_from(["customer", "agent"])),
        "first_message": draw(st.sampled_from(["customer", "internal", "agent_public"])),
        "status": draw(st.sampled_from(["new", *STATUSES])),
        "priority": draw(st.sampled_from(["low", "normal", "urgent"])),
        "policy": draw(
            st.sampled_from([*sorted(POLICIES), None] if terms else ["office", "pausing", "total", "always"])
        ),
    }
    kinds = {
        "message": st.builds(
            Event,
            st.just(0),
            st.just(0),
            st.just("message"),
            st.sampled_from(["customer", "agent", "agent", "participant", "system"]),
            **_say,
        ),
        "status": _status.map(lambda data: Event(0, 0, "status", data=data)),
        "priority": st.sampled_from(["low", "normal", "urgent"]).map(
            lambda to: Event(0, 0, "priority", data={"to": to})
        ),
        "policy": st.sampled_from([*sorted(POLICIES), None]).map(
            lambda to: Event(0, 0, "policy", data={"to": to})
        ),
        "calendar_edit": st.just(
            Event(0, 0, "calendar_edit", data={"calendar": "office", "to": "office, 2nd closed"})
        ),
        "merged_from": st.integers(START, START + LENGTH).map(
            lambda t: Event(0, 0, "merged_from", data={"ticket": 9, "unanswered_since": t})
        ),
    }
    chosen = [kind for name, kind in kinds.items() if terms or name not in FIXED]
    created = Event(1, START, "created", data=facts)
    others = draw(st.lists(st.one_of(chosen), max_size=12))
    times = sorted(draw(st.lists(_instants, min_size=len(others), max_size=len(others))))
    return [
        created,
        *(
            replace(one, id=number, at=START + t)
            for number, (one, t) in enumerate(zip(others, times, strict=True), 2)
        ),
    ]


def replay(history: list[Event], now: int) -> TicketSla:
    return SlaClock.replay(history, POLICIES, CALENDARS, now)


nows = st.integers(START, START + LENGTH + 5 * 24 * HOUR)


@settings(max_examples=200, deadline=None)
@given(events(), nows, st.randoms(use_true_random=False))
def test_the_order_in_which_events_arrive_does_not_matter(history, now, random):
    shuffled = history[:]
    random.shuffle(shuffled)
    assert replay(shuffled, now) == replay(history, now)


@settings(max_examples=200, deadline=None)
@given(events(), nows)
def test_later_events_change_nothing_earlier(history, now):
    known = [event for event in history if event.at <= now]
    assert replay(known, now) == replay(history, now)


@settings(max_examples=200, deadline=None)
@given(events(), nows, st.lists(st.tuples(_instants, st.booleans()), min_size=1, max_size=4))
def test_notes_and_automatic_mails_change_nothing(history, now, additions):
    noise = [
        Event(1000 + n, START + t, "message", "agent", public=not note, auto=not note)
        for n, (t, note) in enumerate(additions)
    ]
    assert replay([*history, *noise], now) == replay(history, now)


@settings(max_examples=200, deadline=None)
@given(events(), nows, _instants, st.sampled_from(["pending", "on_hold"]))
def test_a_pause_of_no_length_changes_nothing(history, now, instant, to):
    at = START + instant
    status = (
        next(event.data["to"] for event in [*reversed(history)] if event.type == "status" and event.at <= at)
        if any(event.type == "status" and event.at <= at for event in history)
        else history[0].data["status"]
    )
    assume(status not in DONE)
    pause = [Event(1000, at, "status", data={"to": to}), Event(1001, at, "status", data={"to": status})]
    with_pause, without = replay([*history, *pause], now), replay(history, now)
    assert with_pause == without


@settings(max_examples=200, deadline=None)
@given(events(), nows, _instants, st.integers(0, 48 * 60), st.sampled_from(["low", "urgent"]))
def test_priority_there_and_back_changes_no_clock(history, now, instant, minutes, other):
    there, back = START + instant, START + instant + minutes * MINUTE
    assume(not any(there <= event.at <= back for event in history[1:]))
    assume(not there <= now < back)
    priority = [event.data["to"] for event in history if event.type == "priority" and event.at < there]
    before = priority[-1] if priority else history[0].data["priority"]
    detour = [
        Event(1000, there, "priority", data={"to": other}),
        Event(1001, back, "priority", data={"to": before}),
    ]
    for one, two in zip(replay([*history, *detour], now).runs, replay(history, now).runs, strict=True):
        # a miss in between is found at the moment of the way back (R8), so only its instant may differ
        assert one._replace(breached_at=None) == two._replace(breached_at=None)
        assert (one.breached_at is None) == (two.breached_at is None)


@settings(max_examples=150, deadline=None)
@given(events(terms=False), nows)
def test_elapsed_and_paused_are_what_a_walk_over_minutes_finds(history, now):
    """With the same terms all along: every open minute of a run is work, pause or solved time. What promises nothing
    counts nothing."""
    now -= now % MINUTE
    sla = replay(history, now)
    policy = POLICIES[history[0].data["policy"]]
    calendar = CALENDARS[policy.calendar]
    total = naive.running_total(naive.open_minutes(calendar.spec, START, max(0, now - START) // MINUTE))
    statuses = [(START, history[0].data["status"])]
    statuses += [(event.at, event.data["to"]) for event in history if event.type == "status"]
    for run in sla.runs:
        if run.target is None:
            assert (run.elapsed, run.paused) == (0, 0)
            continue
        until = min(now, run.fulfilled_at or now)
        sums = {"work": 0, "pause": 0, "solved": 0}
        for (start, status), (end, _) in pairwise([*statuses, (now, "")]):
            a, b = (min(max(t, run.started_at), until) for t in (start, end))
            kind = "solved" if status in DONE else "pause" if status in policy.pausing[run.metric] else "work"
            sums[kind] += (
                (total[(b - START) // MINUTE] - total[(a - START) // MINUTE]) * MINUTE if b > a else 0
            )
        assert (run.elapsed, run.paused) == (sums["work"], sums["pause"])
        assert sum(sums.values()) == calendar.between(run.started_at, until)


@settings(max_examples=300, deadline=None)
@given(events(), nows)
def test_the_numbers_of_a_clock_hang_together(history, now):
    sla = replay(history, now)
    for run in sla.runs:
        assert run.state in ("none", "running", "paused", "met", "breached", "cancelled")
        assert run.elapsed >= 0
        assert run.paused >= 0
        if run.state == "running":
            assert run.due_at is not None
            assert run.due_at >= now
        if run.state == "paused":
            assert run.due_at is run.warn_at is None
        if run.state in ("running", "paused"):
            assert run.remaining == run.target - run.elapsed >= 0
            assert run.breached_at is None
        if run.state == "met" and run.target is not None:
            assert run.fulfilled_at <= run.due_at
            assert run.breached_at is None
        if run.state == "breached":
            assert run.breached_at <= now
            assert run.breached_at >= run.due_at
        assert (run.fulfilled_at is None) == (run.fulfilled_by is None)
    due = [run.due_at for run in sla.runs if run.open and not run.waiting and run.due_at is not None]
    assert sla.next_due_at == min(due, default=None)
    running = [run.due_at for run in sla.runs if run.state == "running"]
    assert sla.next_breach_at == min(running, default=None)
    for metric in {run.metric for run in sla.runs}:
        numbers = [run.run_no for run in sla.runs if run.metric == metric]
        assert numbers == list(range(1, len(numbers) + 1))
        assert sum(run.open for run in sla.runs if run.metric == metric) <= 1


@settings(max_examples=200, deadline=None)
@given(events(), nows)
def test_the_breaches_on_record_are_those_of_the_clocks(history, now):
    sla = replay(history, now)
    standing = {
        (breach.metric, breach.run_no): breach for breach in sla.breaches if breach.superseded_at is None
    }
    late = {(run.metric, run.run_no): run for run in sla.runs if run.breached_at is not None}
    assert standing.keys() == late.keys()
    assert all(standing[key].breached_at == run.breached_at for key, run in late.items())
    keys = [(breach.metric, breach.run_no, breach.due_at) for breach in sla.breaches]
    assert len(keys) == len(set(keys))
    assert all(breach.overdue >= 0 for breach in sla.breaches)


@settings(max_examples=200, deadline=None)
@given(events(), nows)
def test_verdicts_are_the_decided_runs_of_a_replay(history, now):
    runs = replay(history, now).runs
    decided = {(run.metric, run.run_no): run.state for run in runs if run.state in ("met", "breached")}
    assert SlaClock.verdicts(history, POLICIES, CALENDARS, now) == decided


@settings(max_examples=200, deadline=None)
@given(events(), nows)
def test_the_trail_tells_the_same_numbers(history, now):
    told = SlaClock.replay(history, POLICIES, CALENDARS, now, explain=True)
    assert told._replace(trail=()) == replay(history, now)
    for run in told.runs:
        steps = [step for step in told.trail if (step.metric, step.run_no) == (run.metric, run.run_no)]
        assert steps[0].key == "started"
        assert all(step.at <= now for step in steps)
        assert all(one.at <= two.at for one, two in pairwise(steps))
        # R11 may read earlier stretches by a corrected calendar; else each step goes on from the one before
        assert steps[-1].due_after == run.due_at
        if run.fulfilled_at is not None and run.target is not None:
            assert steps[-1].elapsed_after == run.elapsed


@settings(max_examples=100, deadline=None)
@given(events(terms=False), st.integers(0, 2000), st.integers(0, 2000))
def test_time_alone_only_lets_clocks_run_or_miss(history, first, second):
    """Between two looks without events: elapsed grows, nothing is fulfilled, a miss stays."""
    last = history[-1].at
    one, two = replay(history, last + first * MINUTE), replay(history, last + (first + second) * MINUTE)
    for before, after in zip(one.runs, two.runs, strict=True):
        assert before.elapsed <= after.elapsed
        assert (before.due_at, before.fulfilled_at) == (after.due_at, after.fulfilled_at)
        assert after.state in {before.state, "breached"}
        assert before.breached_at in (None, after.breached_at)
