"""What a draft would have meant: the same as a replay of each ticket by hand, and today's side as it is on record."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.accounts.permissions import VISITOR
from app.accounts.queries import viewer_of_person
from app.db import Database
from app.errors import NotVisible, Refused
from app.outbox import Job
from app.privacy.registry import row_classification
from app.reports import reading, trials, what_if
from app.reports.models import CANCELLED, DONE, FAILED, RUNNING, WhatIfRun
from app.reports.queries import promises_kept
from app.reports.what_if import Draft, Figures, figures, months_before
from app.sla import queries as sla
from app.sla.calendar_keeping import Week, save_calendar
from app.sla.models import METRICS, BusinessCalendar, SlaPolicyVersion
from app.sla.policy import PolicyVersion, Target
from app.sla.replay import SlaClock
from app.tickets import histories
from app.tickets.models import SlaClock as ClockRow
from app.tickets.models import Ticket, TicketEvent
from app.tickets.recounting import recount_of_calendar
from tests import factories
from tests.reports.conftest import NOW, crowd, promise_everything, promised

SHORTER = {
    priority: {"first_response": minutes, "resolution": 4 * minutes}
    for priority, minutes in {"urgent": 30, "high": 60, "normal": 90, "low": 600}.items()
}
HIGH_ONLY = promised() | {"high": {"first_response": 15, "resolution": 300}}
EARLY = (((480, 1200),),) * 4 + (((480, 720),), ((600, 780),), ())  # till 20:00, Friday noon, Saturday


def computed(database: Database, run_id: int) -> None:
    """What the worker does for a trial."""
    with database.session(write=False) as session:
        trials.work(session, [{"run_id": run_id}], SimpleNamespace(database=database))  # type: ignore[arg-type]


def tried(
    database: Database, draft: Draft, author_id: int, *, months: int = 12, now: datetime = NOW
) -> dict[str, Any]:
    """The result of a trial."""
    with database.session(write=True) as session:
        run = trials.start(session, draft, months=months, author_id=author_id, now=now)
        session.commit()
    computed(database, run.id)
    with database.session(write=False) as session:
        done = session.get_one(WhatIfRun, run.id)
        assert (done.state, done.done) == (DONE, done.total)
        assert done.result is not None
        return done.result


@pytest.fixture
def busy(database: Database) -> Any:
    """A database with 260 tickets under promises of every kind: (policy id, lead's id)."""
    with database.session(write=True) as session:
        policy_id = promise_everything(session)
        lead = crowd(session, 260)
        session.commit()
    return policy_id, lead.id


def by_hand(
    session: Session, draft: Draft, since: datetime, until: datetime = NOW
) -> dict[int, dict[tuple[str, int], str]]:
    """Each ticket of the period replayed under the draft, one by one."""
    offer = sla.book(session, session.scalars(select(SlaPolicyVersion.id)).all())
    version = next(iter(offer.values()))
    calendar = sla.calendar(session, version.calendar_id, version.calendar_version)
    targets = version.version.targets
    if draft.targets is not None:
        targets = {p: {m: Target(60 * n) for m, n in row.items()} for p, row in draft.targets.items()}
    if draft.week is not None:
        calendar = what_if.redrawn(calendar, draft.week)
    policies: Any = {key: PolicyVersion(key, version.calendar_id, targets) for key in offer}
    tickets = session.scalars(select(Ticket.id).where(Ticket.created_at >= since, Ticket.disposal.is_(None)))
    found = {}
    for ticket_id in tickets:
        history = histories.of_ticket(session, ticket_id)
        state = SlaClock.replay(history, policies, {version.calendar_id: calendar}, int(until.timestamp()))
        runs = {(run.metric, run.run_no): run.state for run in state.runs}
        found[ticket_id] = {key: verdict for key, verdict in runs.items() if verdict in ("met", "breached")}
    return found


def missed(verdicts: dict[tuple[str, int], str]) -> set[tuple[str, int]]:
    return {key for key, verdict in verdicts.items() if verdict == "breached"}


@pytest.mark.parametrize(
    "what",
    [{"targets": SHORTER}, {"targets": HIGH_ONLY}, {"week": EARLY}, {"targets": SHORTER, "week": EARLY}],
    ids=["targets", "one priority", "hours", "both"],
)
def test_both_sides_are_what_a_replay_of_each_ticket_says(
    database: Database, busy: Any, what: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    policy_id, lead_id = busy
    monkeypatch.setattr(what_if, "AT_ONCE", 60)  # several pieces
    with database.session(write=True) as session:  # one that was taken out counts nowhere
        newest = session.scalars(select(Ticket.id).order_by(Ticket.id.desc()).limit(1)).one()
        session.execute(update(Ticket).where(Ticket.id == newest).values(disposal="spam"))
        session.commit()
    draft = Draft(policy_id, **what)
    result = tried(database, draft, lead_id)
    since = months_before(NOW, 12)
    with database.session(write=False) as session:
        before, after = by_hand(session, Draft(policy_id), since), by_hand(session, draft, since)
        kept = promises_kept(session, since=since, until=NOW)
    assert result["tickets"] == len(before) > 150
    assert newest not in before
    counted = Counter((key[0], v) for verdicts in before.values() for key, v in verdicts.items())
    expected = Counter((key[0], v) for verdicts in after.values() for key, v in verdicts.items())
    assert len({metric for metric, _ in counted}) == len(METRICS)
    for metric, found in figures(result, "metric").items():
        assert (found.kept_before, found.missed_before) == (
            counted[metric, "met"],
            counted[metric, "breached"],
        )
        assert (found.kept_after, found.missed_after) == (
            expected[metric, "met"],
            expected[metric, "breached"],
        )
        assert kept[metric].met == found.kept_before, "as other reports count what is on record"
    worse = {key for key in before if missed(after[key]) - missed(before[key])}
    better = {key for key in before if missed(before[key]) - missed(after[key])}
    assert worse, "the draft must make a difference, or this test says little"
    assert (result["worse"]["ids"], result["worse"]["count"]) == (sorted(worse, reverse=True), len(worse))
    assert (result["better"]["ids"], result["better"]["count"]) == (sorted(better, reverse=True), len(better))
    for ticket_id, bits in zip(result["worse"]["ids"], result["worse"]["metrics"], strict=True):
        names = {metric for metric, _ in missed(after[ticket_id]) - missed(before[ticket_id])}
        assert set(what_if.metrics_of(bits)) == names


def test_today_is_what_is_on_record(database: Database, busy: Any) -> None:
    policy_id, lead_id = busy
    result = tried(database, Draft(policy_id, targets=SHORTER), lead_id)
    assert result["differing"] == 0
    with database.session(write=True) as session:
        rows = session.execute(select(ClockRow.metric, ClockRow.state, ClockRow.due_at, Ticket.priority)
                               .join(Ticket, Ticket.id == ClockRow.ticket_id)
                               .where(Ticket.created_at >= months_before(NOW, 12))).all()  # fmt: skip
        recorded = Counter(
            (row[3], "breached" if row[1] == "running" and row[2] and row[2] < NOW else row[1])
            for row in rows
        )
        one = session.scalars(select(ClockRow.id).where(ClockRow.state == "met").limit(1)).one()
        session.execute(update(ClockRow).where(ClockRow.id == one).values(state="cancelled"))
        session.commit()
    for priority, found in figures(result, "priority").items():
        held = (found.kept_before, found.missed_before)
        assert held == (recorded[priority, "met"], recorded[priority, "breached"])
    draft = Draft(policy_id, week=EARLY)
    assert tried(database, draft, lead_id)["differing"] == 1, "a record that says otherwise is counted"


def test_a_calendar_corrected_meanwhile_counts_for_what_was_still_open(database: Database, busy: Any) -> None:
    """Today's side is what is on record also where clocks had ended under the hours before (R11)."""
    policy_id, lead_id = busy
    with database.session(write=True) as session:
        calendar = session.scalars(select(BusinessCalendar)).one()
        hours = Week(calendar.name, calendar.time_zone, (NOW - timedelta(days=200)).date(), EARLY)
        save_calendar(session, calendar.id, hours, actor_id=None, now=NOW)
        count, last = recount_of_calendar(session, calendar.id, 0, now=NOW)
        session.commit()
    assert (count > 5, last) == (True, None)
    later = NOW + timedelta(hours=2)
    result = tried(database, Draft(policy_id, targets=SHORTER), lead_id, now=later)
    assert result["differing"] == 0
    with database.session(write=False) as session:
        simple = by_hand(session, Draft(policy_id), months_before(later, 12), later)
    today = figures(result, "metric")["first_response"]
    plain = Counter(
        v for verdicts in simple.values() for key, v in verdicts.items() if key[0] == "first_response"
    )
    assert (today.kept_before, today.missed_before) != (plain["met"], plain["breached"]), "the hours differ"


def test_parts_add_up_and_can_be_of_one_metric(database: Database, busy: Any) -> None:
    policy_id, lead_id = busy
    result = tried(database, Draft(policy_id, targets=SHORTER), lead_id)
    whole = figures(result, "metric")
    for by in ("team", "priority"):
        for metric, found in whole.items():
            parts = figures(result, by, metric=metric).values()
            assert sum(part.kept_after for part in parts) == found.kept_after
        assert len(figures(result, by)) == 3
    assert "next_response" not in {m for m, f in whole.items() if f.kept_after or f.missed_after}, (
        "not promised"
    )
    assert (Figures(3, 1, 0, 0).share_before, Figures(3, 1, 0, 0).share_after) == (0.75, None)


# --- hours, by hand --------------------------------------------------------------------------------------------------


def told(session: Session, person_id: int, events: list[tuple[datetime, str, dict[str, Any]]]) -> int:
    """A ticket with these events, as the desk would have written them."""
    at = events[0][0]
    ticket = Ticket(
        subject="Told", requester_id=person_id, status="open", status_at=at, priority="normal", channel="web",
        language="en", created_at=at, proved_at=at, last_activity_at=at, last_author_kind="customer",
        is_open=True, queue_key=1, send_key=f"told-{at.timestamp()}",
    )  # fmt: skip
    session.add(ticket)
    session.flush()
    for moment, kind, payload in events:
        session.add(
            TicketEvent(
                ticket_id=ticket.id, occurred_at=moment, recorded_at=moment, type=kind,
                author_kind="agent" if kind == "message" else "customer", is_requester=kind == "created",
                public=True, auto=False, payload=payload,
            )
        )  # fmt: skip
    session.flush()
    return ticket.id


def test_hours_that_are_moved_move_what_is_late(database: Database) -> None:
    """Asked on Friday at 16:00, answered on Monday at 10:30, 4 working hours promised. Today (9 to 17) that took 2.5
    hours; were Saturday open from 9 to 12, it would have taken 5.5."""
    friday, monday = datetime(2026, 11, 13, 15, tzinfo=UTC), datetime(2026, 11, 16, 9, 30, tzinfo=UTC)
    with database.session(write=True) as session:
        policy_id = promise_everything(session)
        version = session.scalars(select(SlaPolicyVersion.id)).one()
        lead, customer = factories.person(session, "lead"), factories.person(session)
        facts = {"by": "customer", "first_message": "customer", "status": "new", "priority": "normal"}
        created = facts | {"proved": True, "policy_version_id": version}
        ticket_id = told(
            session, customer.id, [(friday, "created", created), (monday, "message", {"message_id": 1})]
        )
        session.commit()
    week = (((540, 1020),),) * 5 + (((540, 720),), ())
    result = tried(database, Draft(policy_id, week=week), lead.id, months=1)
    assert figures(result, "metric")["first_response"] == Figures(1, 0, 0, 1)
    assert (result["worse"]["ids"], result["better"]["count"]) == ([ticket_id], 0)
    assert what_if.metrics_of(result["worse"]["metrics"][0])[0] == "first_response"
    closed = (((540, 1020),),) * 4 + ((), (), ())
    result = tried(database, Draft(policy_id, {"normal": {"first_response": 120}}), lead.id, months=1)
    assert figures(result, "metric")["first_response"] == Figures(1, 0, 0, 1)
    both = Draft(policy_id, {"normal": {"first_response": 120}}, closed)
    assert figures(tried(database, both, lead.id, months=1), "metric")["first_response"] == Figures(
        1, 0, 1, 0
    )


# --- a trial's life --------------------------------------------------------------------------------------------------


def test_progress_is_told_and_a_trial_can_be_stopped_and_replaced(
    database: Database, busy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy_id, lead_id = busy
    monkeypatch.setattr(what_if, "AT_ONCE", 50)
    monkeypatch.setattr(trials, "BETWEEN_WORDS", 0)
    seen: list[tuple[str, int]] = []
    count_some = what_if.count_some
    draft = Draft(policy_id, targets=SHORTER)

    def look(*args: Any, **more: Any) -> Any:
        with database.session(write=False) as session:
            seen.extend((row[0], row[1]) for row in session.execute(select(WhatIfRun.state, WhatIfRun.done)))
        found = count_some(*args, **more)
        if len(seen) == stop_after:
            with database.session(write=True) as session:
                stop(session)
                session.commit()
        return found

    monkeypatch.setattr(what_if, "count_some", look)
    stop_after, stop = 0, lambda session: None
    result = tried(database, draft, lead_id)
    assert len(seen) > 3
    assert seen[:3] == [(RUNNING, 0), (RUNNING, 50), (RUNNING, 100)]
    assert result["tickets"] > 150

    def begun() -> int:
        seen.clear()
        with database.session(write=True) as session:
            run = trials.start(session, draft, months=12, author_id=lead_id, now=NOW)
            session.commit()
        return run.id

    stop_after, stop = 2, lambda session: trials.cancel(session, begun_id, author_id=lead_id)
    begun_id = begun()
    computed(database, begun_id)
    with database.session(write=False) as session:
        stopped = trials.read(session, begun_id)
        assert (stopped.state, stopped.result, len(seen)) == (CANCELLED, None, 2)
    stop = lambda session: trials.start(session, draft, months=1, author_id=lead_id, now=NOW)  # noqa: E731
    old = begun()
    computed(database, old)
    with database.session(write=False) as session:
        with pytest.raises(NotVisible):
            trials.read(session, old)
        newer = trials.latest_of(session, lead_id)
        assert newer is not None
        assert (newer.state, newer.done, len(seen)) == ("queued", 0, 2)


def test_two_people_try_at_once_and_a_fault_is_told(
    database: Database, busy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy_id, lead_id = busy
    with database.session(write=True) as session:
        other = factories.person(session, "admin")
        first = trials.start(session, Draft(policy_id, SHORTER), months=12, author_id=lead_id, now=NOW)
        second = trials.start(session, Draft(policy_id, week=EARLY), months=1, author_id=other.id, now=NOW)
        with pytest.raises(NotVisible):
            trials.cancel(session, first.id, author_id=other.id)
        session.commit()
        assert [job.ids for job in session.scalars(select(Job).where(Job.name == trials.CHORE))] == [
            {"run_id": first.id},
            {"run_id": second.id},
        ]
    with monkeypatch.context() as broken:
        broken.setattr(what_if, "sides", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            computed(database, first.id)
        with database.session(write=False) as session:
            assert session.get_one(WhatIfRun, first.id).state == FAILED
    computed(database, second.id)
    computed(database, first.id)
    with database.session(write=True) as session:
        results = [session.get_one(WhatIfRun, run.id).result for run in (first, second)]
        assert all(results)
        assert results[0]["tickets"] > results[1]["tickets"]  # type: ignore[index]
        computed(database, first.id)  # what ended is left alone
        assert trials.sweep(session, before=NOW) == 0
        assert trials.sweep(session, before=NOW + timedelta(seconds=1)) == 2
        assert row_classification(WhatIfRun.__table__).subject == "author_id"  # type: ignore[union-attr, arg-type]


def test_a_double_click_leaves_one_trial(database: Database, busy: Any) -> None:
    policy_id, lead_id = busy

    def click(_: int) -> int:
        with database.session(write=True) as session:
            run = trials.start(session, Draft(policy_id, SHORTER), months=1, author_id=lead_id, now=NOW)
            session.commit()
            return run.id

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(click, range(4)))
    with database.session(write=False) as session:
        assert session.scalars(select(WhatIfRun.id)).all() == [max(made)]


def test_only_those_who_work_on_tickets_see_which_differ(database: Database, busy: Any) -> None:
    policy_id, lead_id = busy
    tried(database, Draft(policy_id, targets=SHORTER), lead_id)
    with database.session(write=True) as session:
        run = trials.latest_of(session, lead_id)
        assert run is not None
        viewer = viewer_of_person(session, lead_id)
        assert viewer is not None
        listed, place = [], None
        while True:
            page, metrics = reading.tickets(session, run, "worse", viewer, after=place)
            listed += [row.id for row in page.rows]
            assert all(metrics[row.id] for row in page.rows)
            place = page.after
            if place is None:
                break
        assert run.result is not None
        assert listed == run.result["worse"]["ids"]
        assert len(listed) > 25
        gone = listed[0]
        session.execute(update(Ticket).where(Ticket.id == gone).values(restricted_at=NOW))
        page, _ = reading.tickets(session, run, "worse", viewer)
        assert gone not in [row.id for row in page.rows]
        assert reading.tickets(session, run, "worse", VISITOR)[0].rows == []


# --- what cannot be tried --------------------------------------------------------------------------------------------


def test_what_cannot_be_tried_is_refused_by_a_sentence(database: Database, busy: Any) -> None:
    policy_id, lead_id = busy
    never: what_if.Week = ((),) * 7
    a_minute: what_if.Week = (((540, 541),), *never[1:])
    refused = [
        (Draft(policy_id), 3, None, "so far the draft is what holds"),
        (Draft(policy_id, week=never), 3, "monday", "nobody ever works"),
        (Draft(policy_id, {"low": {"resolution": 2000 * 60}}, a_minute), 3, "monday", "never reached"),
        (Draft(policy_id, SHORTER), 0, "months", "1 to 12"),
        (Draft(policy_id, SHORTER), 13, "months", "1 to 12"),
    ]
    with database.session(write=True) as session:
        for draft, months, field, words in refused:
            with pytest.raises(Refused, match=words) as fault:
                trials.start(session, draft, months=months, author_id=lead_id, now=NOW)
            assert fault.value.field == field
        early = NOW - timedelta(days=5000)
        with pytest.raises(Refused, match="No tickets were created"):
            trials.start(session, Draft(policy_id, SHORTER), months=3, author_id=lead_id, now=early)
        with pytest.raises(NotVisible):
            trials.start(session, Draft(policy_id + 99, SHORTER), months=3, author_id=lead_id, now=NOW)
        calendar = session.scalars(select(BusinessCalendar)).one()
        assert reading.place(session, policy_id) == (policy_id, "Standard", True, calendar.name, [])


@pytest.mark.parametrize(
    ("moment", "months", "wanted"),
    [
        (datetime(2026, 11, 21, 14, tzinfo=UTC), 3, datetime(2026, 8, 21, 14, tzinfo=UTC)),
        (datetime(2026, 3, 31, tzinfo=UTC), 1, datetime(2026, 2, 28, tzinfo=UTC)),
        (datetime(2024, 3, 30, tzinfo=UTC), 1, datetime(2024, 2, 29, tzinfo=UTC)),
        (datetime(2026, 1, 15, tzinfo=UTC), 1, datetime(2025, 12, 15, tzinfo=UTC)),
        (datetime(2026, 12, 31, tzinfo=UTC), 12, datetime(2025, 12, 31, tzinfo=UTC)),
    ],
)
def test_so_many_months_earlier(moment: datetime, months: int, wanted: datetime) -> None:
    assert months_before(moment, months) == wanted
