"""Promises are kept with checks, order, versions and audit entries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from app.audit import AuditEntry
from app.errors import Conflict, NotVisible, Refused
from app.sla import policy_keeping as keeping
from app.sla import queries
from app.sla.models import BusinessCalendar, SlaPolicy, SlaPolicyVersion
from app.sla.terms import Step, Terms, differences
from tests.tickets.conftest import MONDAY, Desk, desk, later

__all__ = ["desk"]

GIVEN: dict[str, Any] = {"actor_id": None, "now": MONDAY}


@pytest.fixture
def standard(desk: Desk) -> SlaPolicy:
    desk.open()  # the first request makes calendar and promise
    return desk.session.scalars(select(SlaPolicy)).one()


def terms(desk: Desk, **given: Any) -> Terms:
    calendar_id = desk.session.scalars(select(BusinessCalendar.id)).one()
    values = {"targets": {("resolution", "high"): (480, 60)}, "conditions": {"priority": ["high", "urgent"]}}
    return Terms(**{"name": "Urgent matters", "calendar_id": calendar_id, **values, **given})


def test_a_new_promise_stands_before_the_one_for_all(desk: Desk, standard: SlaPolicy) -> None:
    steps = (
        Step("resolution", -60, "notify", "lead", None, True),
        Step("resolution", 0, "priority", "urgent"),
        Step("resolution", 120, "mail", "boss@example.org"),
        Step("resolution", 60, "assign", "person", desk.agent.person_id),
    )
    given = terms(desk, steps=steps, pause_on={"resolution": ["on_hold", "pending"]}, on_reopen="restart")
    version = keeping.save(desk.session, None, given, **GIVEN)
    assert version is not None
    assert [(one.name, one.position) for one in keeping.in_order(desk.session)] == [
        ("Urgent matters", 1),
        ("Standard", 2),
    ]
    assert differences(keeping.terms_of(desk.session, version), given) == []
    first = queries.offers(desk.session)[0]
    assert first.version.target("high", "resolution") == (480 * 60, 3600)
    assert first.version.pausing["resolution"] == {"pending", "on_hold"}
    assert [one.offset_seconds for one in first.version.escalations] == [-3600, 0, 3600, 7200]
    everything = keeping.save(desk.session, None, terms(desk, name="Everything", conditions={}), **GIVEN)
    assert everything is not None
    assert keeping.in_order(desk.session)[-1].id == everything.policy_id


def test_every_change_is_a_version_with_an_entry(desk: Desk, standard: SlaPolicy) -> None:
    before = keeping.terms_of(desk.session, keeping.newest_version(desk.session, standard.id))
    changes = [
        {"name": "Normal"},
        {"targets": {**before.targets, ("resolution", "low"): (6000, 0)}},
        {"pause_on": {"first_response": ["pending"]}},
        {"on_reopen": "restart"},
        {"steps": (Step("first_response", 0, "notify", "team"),)},
    ]
    now = before
    for number, change in enumerate(changes, 2):
        now = replace(now, **change)
        version = keeping.save(desk.session, standard.id, now, based_on=number - 1, **GIVEN)
        assert version is not None
        assert version.number == number
        assert keeping.save(desk.session, standard.id, now, **GIVEN) is None, "nothing differs"
    entries = desk.session.scalars(
        select(AuditEntry.details).where(AuditEntry.action == "policy.change").order_by(AuditEntry.id)
    ).all()
    assert [entry["fields"] for entry in entries] == [list(change) for change in changes]
    with pytest.raises(Conflict, match="version 6"):
        keeping.save(desk.session, standard.id, before, based_on=3, **GIVEN)
    first = desk.session.scalars(select(SlaPolicyVersion).order_by(SlaPolicyVersion.number)).first()
    assert first is not None
    assert keeping.terms_of(desk.session, first) == before, "earlier versions stay as they were"


def test_the_order_is_changed_place_by_place(desk: Desk, standard: SlaPolicy) -> None:
    for name in ("A", "B"):
        keeping.save(desk.session, None, terms(desk, name=name), **GIVEN)

    def order() -> str:
        return "".join(policy.name[0] for policy in keeping.in_order(desk.session))

    ids = {policy.name[0]: policy.id for policy in keeping.in_order(desk.session)}
    assert order() == "ABS"
    assert keeping.move(desk.session, ids["S"], -1, **GIVEN)
    assert order() == "ASB"
    assert keeping.move(desk.session, ids["A"], 1, **GIVEN)
    assert order() == "SAB"
    for name, by in (("S", -1), ("B", 1), ("A", 5), ("A", 0)):
        assert not keeping.move(desk.session, ids[name], by, **GIVEN)
    assert order() == "SAB"
    with pytest.raises(NotVisible):
        keeping.move(desk.session, 4711, 1, **GIVEN)


def test_the_last_promise_for_all_goes_only_knowingly(desk: Desk, standard: SlaPolicy) -> None:
    now = keeping.terms_of(desk.session, keeping.newest_version(desk.session, standard.id))
    narrowed = replace(now, conditions={"channel": ["mail"]})
    for attempt in (
        lambda **more: keeping.switch(desk.session, standard.id, False, **GIVEN, **more),
        lambda **more: keeping.delete(desk.session, standard.id, **GIVEN, **more),
        lambda **more: keeping.save(desk.session, standard.id, narrowed, **GIVEN, **more),
    ):
        with pytest.raises(Refused, match="no deadline") as refused:
            attempt()
        assert refused.value.field == "gap"
    spare = keeping.save(desk.session, None, terms(desk, name="Spare", conditions={}), **GIVEN)
    assert spare is not None
    assert keeping.switch(desk.session, standard.id, False, **GIVEN)
    assert not keeping.switch(desk.session, standard.id, False, **GIVEN)
    assert [offer.policy.name for offer in queries.offers(desk.session)] == ["Spare"]
    with pytest.raises(Refused):
        keeping.switch(desk.session, spare.policy_id, False, **GIVEN)
    assert keeping.switch(desk.session, spare.policy_id, False, gap=True, **GIVEN)
    assert queries.offers(desk.session) == []
    assert keeping.switch(desk.session, standard.id, True, actor_id=None, now=later(hours=1))


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"name": " "}, "name", "Enter a name"),
    ({"name": "Standard"}, "name", "already"),
    ({"calendar_id": 4711}, "calendar_id", "working hours"),
    ({"targets": {}}, "first_response_urgent", "at least one"),
    ({"targets": {("resolution", "high"): (0, 0)}}, "resolution_high", "more than nothing"),
    ({"targets": {("resolution", "high"): (-60, 0)}}, "resolution_high", "more than nothing"),
    ({"targets": {("resolution", "high"): (600_000, 0)}}, "resolution_high", "at most 2000 hours"),
    ({"targets": {("resolution", "high"): (60, 60)}}, "resolution_high_warning", "before the deadline"),
    ({"targets": {("resolution", "high"): (60, -1)}}, "resolution_high_warning", "before the deadline"),
    ({"targets": {("smile", "high"): (60, 0)}}, "smile_high", "no such time"),
    ({"on_reopen": "never"}, "on_reopen", "reopened"),
    ({"pause_on": {"resolution": ["solved"]}}, "pause_resolution", "stop a clock"),
    ({"conditions": {"weather": ["rain"]}}, "name", "weather"),
    ({"steps": (Step("first_response", 0, "notify", "team"),)}, "step0", "Nothing is promised"),
    ({"steps": (Step("resolution", -480, "notify", "team"),)}, "step0_time", "before the clock starts"),
    ({"steps": (Step("resolution", 200_000, "notify", "team"),)}, "step0_time", "2000 hours late"),
    ({"steps": (Step("resolution", 0, "shout", "team"),)}, "step0", "what happens"),
    ({"steps": (Step("resolution", 0, "notify", "everybody"),)}, "step0", "who is meant"),
    ({"steps": (Step("resolution", 0, "assign", "team"),)}, "step0", "who is meant"),
    ({"steps": (Step("resolution", 0, "notify", "person"),)}, "step0_person", "the person"),
    ({"steps": (Step("resolution", 0, "mail", "nowhere"),)}, "step0_address", "address"),
    ({"steps": (Step("resolution", 0, "priority", "low"),)}, "step0", "priority"),
    ({"steps": (Step("resolution", 0, "notify", "team"),) * 11}, "step9", "at most 10"),
]


def test_what_promises_nothing_sensible_is_refused_on_its_field(desk: Desk, standard: SlaPolicy) -> None:
    for change, named, sentence in BAD:
        with pytest.raises(Refused, match=sentence) as refused:
            keeping.save(desk.session, None, terms(desk, **change), **GIVEN)
        assert refused.value.field == named, change
    assert len(keeping.in_order(desk.session)) == 1
