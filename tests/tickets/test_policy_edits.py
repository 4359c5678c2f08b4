"""A change of the promises and open tickets: what is shown before saving is what happens after it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.models import Segment, SegmentMember
from app.errors import Refused
from app.outbox import Job
from app.sla import policy_keeping
from app.sla.models import SlaPolicy
from app.sla.terms import Step, Terms
from app.tickets import handling, policy_edits, policy_reading
from app.tickets.matching import facts_of
from app.tickets.models import SlaBreach, SlaClock, TicketEvent, TicketTag
from tests import factories
from tests.tickets.conftest import MONDAY, Desk, later

GIVEN: dict[str, Any] = {"actor_id": None, "now": later(hours=3)}
LATER = later(hours=3, minutes=1)


def standard(desk: Desk) -> SlaPolicy:
    return desk.session.scalars(select(SlaPolicy).where(SlaPolicy.name == "Standard")).one()


def terms(desk: Desk) -> Terms:
    return policy_keeping.terms_of(
        desk.session, policy_keeping.newest_version(desk.session, standard(desk).id)
    )


def carry_out(desk: Desk) -> int:
    """Do what the chore that was put would do. Gives how many tickets moved."""
    desk.session.flush()
    job = desk.session.scalars(
        select(Job).where(Job.name == policy_edits.CHORE).order_by(Job.id.desc())
    ).first()
    assert job is not None
    moved, last = policy_edits.carry_out(
        desk.session, job.ids["policy_id"], job.ids["version_id"], job.ids["after_id"], now=LATER
    )
    assert last is None
    return moved


def foresee(desk: Desk, policy_id: int | None, wanted: Terms | None) -> policy_edits.Effects:
    return policy_edits.foresee(desk.session, policy_id, wanted, viewer=desk.agent, now=LATER)


def breached(desk: Desk) -> set[int]:
    return set(desk.session.scalars(select(SlaBreach.ticket_id).where(SlaBreach.superseded_at.is_(None))))


def test_what_is_foreseen_is_what_happens(desk: Desk) -> None:
    old, young = desk.open(MONDAY), desk.open(later(hours=2))
    solved = desk.open(MONDAY)
    handling.change_status(desk.session, solved.ticket_id, "solved", viewer=desk.agent, now=later(hours=1))
    before = {sent: desk.ticket(sent).next_due_at for sent in (old, young)}
    wanted = replace(
        terms(desk), targets={("first_response", "normal"): (120, 30), ("resolution", "normal"): (960, 0)}
    )
    effects = foresee(desk, standard(desk).id, wanted)
    assert (effects.open, effects.moved, effects.changed, effects.breached) == (2, 2, 2, 1)
    assert [(one.number, one.breached) for one in effects.shown] == [
        (old.ticket_id + 10_000, ("first_response",)),
        (young.ticket_id + 10_000, ()),
    ]
    assert {sent: desk.ticket(sent).next_due_at for sent in (old, young)} == before, "looking changes nothing"
    version = policy_edits.save(desk.session, standard(desk).id, wanted, apply=True, **GIVEN)
    assert version is not None
    assert carry_out(desk) == 2
    for sent, effect in zip((old, young), effects.shown, strict=True):
        ticket = desk.ticket(sent)
        assert ticket.policy_version_id == version.id
        assert ticket.next_due_at == effect.due_after
        clocks = desk.session.scalars(select(SlaClock.target_minutes).where(SlaClock.ticket_id == ticket.id))
        assert sorted(clocks) == [120, 960]
    assert breached(desk) == {old.ticket_id}
    assert desk.ticket(solved).policy_version_id != version.id
    kinds = desk.session.scalars(select(TicketEvent.type).where(TicketEvent.type == "policy_edit"))
    assert len(kinds.all()) == 2
    assert carry_out(desk) == 0, "done twice nothing happens"


def test_without_the_choice_open_tickets_keep_their_promise(desk: Desk) -> None:
    sent = desk.open()
    due = desk.ticket(sent).next_due_at
    wanted = replace(terms(desk), targets={("first_response", "normal"): (60, 0)})
    version = policy_edits.save(desk.session, standard(desk).id, wanted, apply=False, **GIVEN)
    assert version is not None
    assert not any(name == policy_edits.CHORE for name, _ in desk.jobs())
    assert desk.ticket(sent).next_due_at == due
    fresh = desk.ticket(desk.open(later(hours=4)))
    assert (fresh.policy_version_id, fresh.next_due_at) == (version.id, later(hours=5))
    again = policy_edits.save(
        desk.session, standard(desk).id, replace(wanted, on_reopen="restart"), apply=True, **GIVEN
    )
    assert again is not None
    assert carry_out(desk) == 2, "those of every earlier version follow"


def test_a_promise_for_some_takes_them_and_gives_them_back(desk: Desk) -> None:
    premium = factories.organisation(desk.session, "Premium")
    group = Segment(slug="gold", name="Gold")
    desk.session.add(group)
    desk.session.flush()
    desk.session.add(SegmentMember(segment_id=group.id, person_id=desk.customer.person_id))
    hers, tagged, plain = desk.open(), desk.open(), desk.open()
    desk.ticket(hers).organisation_id = premium.id
    desk.session.add(TicketTag(ticket_id=tagged.ticket_id, tag="vip"))
    desk.session.flush()
    everyone = {hers.ticket_id, tagged.ticket_id, plain.ticket_id}
    fitting: list[tuple[dict[str, Any], set[int]]] = [
        ({"organisation": [premium.id]}, {hers.ticket_id}),
        ({"tag": ["vip"]}, {tagged.ticket_id}),
        ({"segment": [group.id]}, everyone),
        ({"channel": ["web"], "priority": ["normal", "high"]}, everyone),
        ({"channel": ["phone"]}, set()),
    ]
    for place, (conditions, wanted) in enumerate(fitting):
        short = replace(
            terms(desk),
            name=f"P{place}",
            conditions=conditions,
            targets={("first_response", "normal"): (240, 0)},
        )
        effects = foresee(desk, None, short)
        assert (effects.moved, effects.changed) == (len(wanted), len(wanted)), conditions
        version = policy_edits.save(desk.session, None, short, apply=True, **GIVEN)
        assert version is not None
        assert carry_out(desk) == len(wanted)
        listed = policy_reading.listing(desk.session)
        for key in everyone:
            assert (desk.ticket(key).policy_version_id == version.id) == (key in wanted)
            verdicts = policy_reading.verdicts(listed, facts_of(desk.session, desk.ticket(key)))
            assert (verdicts[0].outcome == "fits") == (key in wanted), "the page says the same"
        off = foresee(desk, version.policy_id, None)
        assert off.changed == len(wanted)
        policy_edits.switch(desk.session, version.policy_id, False, apply=True, **GIVEN)
        assert carry_out(desk) == len(wanted)
        assert not any(desk.ticket(key).policy_version_id == version.id for key in everyone)
        policy_keeping.move(desk.session, version.policy_id, 1, **GIVEN)


def test_switched_off_without_others_nothing_is_promised(desk: Desk) -> None:
    sent = desk.open()
    policy_edits.switch(desk.session, standard(desk).id, False, apply=True, gap=True, **GIVEN)
    assert carry_out(desk) == 1
    ticket = desk.ticket(sent)
    assert (ticket.policy_version_id, ticket.next_due_at) == (None, None)
    policy_edits.switch(desk.session, standard(desk).id, True, apply=True, **GIVEN)
    effects = carry_out(desk)
    assert effects == 1
    assert desk.ticket(sent).next_due_at is not None


def test_a_chore_that_comes_after_the_next_change_does_no_harm(desk: Desk) -> None:
    sent = desk.open()
    first = replace(terms(desk), targets={("first_response", "normal"): (240, 0)})
    policy_edits.save(desk.session, standard(desk).id, first, apply=True, **GIVEN)
    second = replace(first, targets={("first_response", "normal"): (180, 0)})
    newest = policy_edits.save(desk.session, standard(desk).id, second, apply=False, **GIVEN)
    fresh = desk.open(later(hours=4))
    assert newest is not None
    assert desk.ticket(fresh).policy_version_id == newest.id
    assert carry_out(desk) == 1
    assert desk.ticket(sent).next_due_at == MONDAY + timedelta(hours=4), "the version that was applied"
    assert desk.ticket(fresh).policy_version_id == newest.id, "nobody goes back"
    policy_keeping.switch(desk.session, standard(desk).id, False, gap=True, **GIVEN)
    assert carry_out(desk) == 0, "what is switched off meanwhile takes nobody"


def test_in_pieces_everybody_moves_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.tickets.policy_moves.AT_ONCE", 2)
    monkeypatch.setattr("app.tickets.policy_edits.AT_ONCE", 2)
    sent = [desk.open() for _ in range(5)]
    wanted = replace(terms(desk), targets={("first_response", "normal"): (60, 0)})
    effects = foresee(desk, standard(desk).id, wanted)
    assert (effects.open, effects.changed) == (5, 5)
    version = policy_edits.save(desk.session, standard(desk).id, wanted, apply=True, **GIVEN)
    assert version is not None
    last, moved, rounds = 0, 0, 0
    while True:
        found, after = policy_edits.carry_out(desk.session, version.policy_id, version.id, last, now=LATER)
        moved, rounds = moved + found, rounds + 1
        if after is None:
            break
        last = after
    assert (moved, rounds) == (5, 3)
    assert {desk.ticket(one).policy_version_id for one in sent} == {version.id}


def test_the_preview_names_only_tickets_the_viewer_may_see(desk: Desk) -> None:
    seen, hidden = desk.open(), desk.open()
    desk.ticket(hidden).restricted_at = MONDAY
    desk.session.flush()
    wanted = replace(terms(desk), targets={("first_response", "normal"): (60, 0)})
    effects = foresee(desk, standard(desk).id, wanted)
    assert effects.changed == effects.breached == 2
    assert [one.number for one in effects.shown] == [seen.ticket_id + 10_000]


def test_a_promise_that_tickets_had_is_not_deleted(desk: Desk) -> None:
    desk.open()
    with pytest.raises(Refused, match="Switch it off"):
        policy_edits.remove(desk.session, standard(desk).id, gap=True, **GIVEN)
    spare = policy_edits.save(desk.session, None, replace(terms(desk), name="Spare"), apply=False, **GIVEN)
    assert spare is not None
    policy_edits.remove(desk.session, spare.policy_id, **GIVEN)
    assert [policy.name for policy in policy_keeping.in_order(desk.session)] == ["Standard"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"conditions": {"organisation": [4711]}}, "organisations"),
        ({"conditions": {"segment": [4711]}}, "segments"),
        ({"conditions": {"request_type": [4711]}}, "request_types"),
        ({"conditions": {"channel": ["pigeon"]}}, "channels"),
        ({"conditions": {"priority": ["panic"]}}, "priorities"),
        ({"steps": (Step("first_response", 0, "notify", "person", 4711),)}, "step0_person"),
    ],
)
def test_unknown_ids_are_refused_on_their_field(desk: Desk, change: dict[str, Any], named: str) -> None:
    desk.open()
    with pytest.raises(Refused) as refused:
        policy_edits.save(
            desk.session, None, replace(terms(desk), name="Odd", **change), apply=False, **GIVEN
        )
    assert refused.value.field == named


def test_organisations_are_found_by_name_or_short_name(desk: Desk) -> None:
    one = factories.organisation(desk.session, "Größmann AG")
    twin, other = (
        factories.organisation(desk.session, "Twin House"),
        factories.organisation(desk.session, "X"),
    )
    other.name, other.sort_name = twin.name, twin.sort_name
    desk.session.flush()
    named = policy_reading.organisations_named(
        desk.session, f"\ngrößmann ag\n{other.slug}\n", "organisations"
    )
    assert named == [one.id, other.id]
    for text, sentence in (("Twin House", "Several"), ("Nobody", "no organisation called “Nobody”")):
        with pytest.raises(Refused, match=sentence) as refused:
            policy_reading.organisations_named(desk.session, text, "organisations")
        assert refused.value.field == "organisations"


def test_the_history_tells_what_each_version_changed(desk: Desk) -> None:
    desk.open()
    first = terms(desk)
    boss = factories.person(desk.session, "admin", name="Vera Boss")
    step = Step("first_response", -30, "notify", "assignee")
    changed = replace(
        first,
        targets={**first.targets, ("first_response", "high"): (120, 30)},
        conditions={"channel": ["phone"]},
        pause_on={"resolution": []},
        steps=(step,),
    )
    policy_edits.save(
        desk.session, standard(desk).id, changed, apply=False, actor_id=boss.id, now=LATER, gap=True
    )
    newest, oldest = policy_reading.history(desk.session, standard(desk).id)[0]
    assert (newest.number, newest.author, newest.valid_from) == (2, "Vera Boss", LATER)
    assert newest.changes == [
        ("condition", ("channel",), None, ["phone"]),
        ("target", ("first_response", "high"), (240, 60), (120, 30)),
        ("pause", ("resolution",), ("pending",), ()),
        ("step", (), None, step),
    ]
    assert (oldest.number, oldest.changes) == (1, [])
