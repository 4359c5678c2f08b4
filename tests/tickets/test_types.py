"""Request types are kept by admins and never torn from the tickets that have them."""

from __future__ import annotations

import pytest

from app.errors import NotVisible, Refused
from app.tickets import queries, types
from app.tickets.models import RequestType
from tests.tickets.conftest import MONDAY, Desk


def values(**given: object) -> types.Values:
    known = {
        "name": {"de": "Rechnung", "en": "Invoice"},
        "help": {},
        "team_id": None,
        "priority": "high",
        "retention": "receipt",
        "position": 10,
        "active": True,
    }
    return types.Values(**(known | given))  # type: ignore[arg-type]


def test_a_new_type_can_be_chosen_and_decides_the_priority(desk: Desk) -> None:
    kind = types.add(desk.session, values(), actor_id=None, now=MONDAY)
    (choice,) = [one for one in queries.request_types(desk.session) if one.id == kind.id]
    sent = desk.open(kind=choice)
    assert desk.ticket(sent).priority == "high"
    assert desk.ticket(sent).request_type_id == kind.id


def test_a_type_that_is_switched_off_is_not_offered(desk: Desk) -> None:
    kind = types.add(desk.session, values(), actor_id=None, now=MONDAY)
    assert types.change(desk.session, kind.id, values(active=False), actor_id=None, now=MONDAY)
    assert kind.id not in [one.id for one in queries.request_types(desk.session)]


def test_saving_without_a_change_changes_nothing(desk: Desk) -> None:
    kind = types.add(desk.session, values(), actor_id=None, now=MONDAY)
    assert not types.change(desk.session, kind.id, values(), actor_id=None, now=MONDAY)


def test_a_type_in_use_cannot_be_deleted(desk: Desk) -> None:
    kind = types.add(desk.session, values(), actor_id=None, now=MONDAY)
    (choice,) = [one for one in queries.request_types(desk.session) if one.id == kind.id]
    desk.open(kind=choice)
    with pytest.raises(Refused, match="Switch it off"):
        types.remove(desk.session, kind.id, actor_id=None, now=MONDAY)
    free = types.add(desk.session, values(), actor_id=None, now=MONDAY)
    types.remove(desk.session, free.id, actor_id=None, now=MONDAY)
    assert desk.session.get(RequestType, free.id) is None


@pytest.mark.parametrize("wrong", [{"priority": "huge"}, {"retention": "for ever"}, {"team_id": 999}])
def test_what_does_not_exist_is_refused(desk: Desk, wrong: dict[str, object]) -> None:
    with pytest.raises(Refused):
        types.add(desk.session, values(**wrong), actor_id=None, now=MONDAY)


def test_a_type_that_is_gone_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotVisible):
        types.change(desk.session, 4711, values(), actor_id=None, now=MONDAY)
