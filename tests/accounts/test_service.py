"""A person's own account by the rules: sign-up, sign-in, reset, change of password and address."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts import queries, service, sessions, tokens
from app.accounts.models import CUSTOMER, Person, Token, UserSession
from app.accounts.tokens import NEW_ADDRESS, RESET, SIGN_UP, DeadLink
from app.db import Database
from app.errors import Conflict, Refused
from app.now import now
from app.outbox import Job
from tests import factories
from tests.accounts.links import RULES, newest


def sign_up(
    session: Session, address: str = "Ada@Example.org", name: str = "Ada Lang", hash_: str = "h1"
) -> None:
    service.sign_up(
        session, name=name, address=address, password_hash=hash_, language="de", rules=RULES, now=now()
    )


def jobs(session: Session) -> list[str]:
    return list(session.scalars(select(Job.name).order_by(Job.id)))


# --- signing up --------------------------------------------------------------------------------------------------


def test_signing_up_makes_a_guest_until_the_address_is_confirmed(database: Database) -> None:
    with database.session(write=True) as session:
        sign_up(session)
        person = session.scalars(select(Person)).one()
        assert (person.email, person.name, person.kind) == ("ada@example.org", "ada", CUSTOMER)
        assert (person.password_hash, person.proved_at, person.language) == (None, None, "de")
        assert jobs(session) == ["accounts.confirm_address"]
        service.confirm(session, newest(session, SIGN_UP), now=now())
        assert (person.name, person.sort_name, person.password_hash) == ("Ada Lang", "ada lang", "h1")
        assert person.proved_at == now() or person.proved_at is not None
        token = session.scalars(select(Token)).one()
        assert (token.pending_name, token.pending_password_hash) == (None, None)
        assert token.used_at is not None


def test_a_guest_claims_her_address_and_keeps_her_number(database: Database) -> None:
    with database.session(write=True) as session:
        guest = service.guest(session, "ada@example.org", language="en", now=now())
        sign_up(session)
        service.confirm(session, newest(session, SIGN_UP), now=now())
        assert session.scalars(select(Person.id)).all() == [guest.id]
        assert guest.language == "en"


def test_a_known_account_gets_a_letter_that_says_so_and_stays_as_it_is(database: Database) -> None:
    with database.session(write=True) as session:
        known = factories.person(session, email="ada@example.org")
        before = known.password_hash
        sign_up(session)
        assert jobs(session) == ["accounts.already_known"]
        assert session.scalars(select(Token.purpose)).all() == [RESET]
        assert (known.password_hash, known.name) == (before, known.name)


def test_a_closed_account_hears_nothing(database: Database) -> None:
    with database.session(write=True) as session:
        factories.person(session, email="ada@example.org", disabled_at=now())
        sign_up(session)
        service.request_reset(session, "ada@example.org", sign_up_open=True, rules=RULES, now=now())
        assert jobs(session) == []


def test_a_sign_up_link_does_not_replace_a_password_set_meanwhile(database: Database) -> None:
    with database.session(write=True) as session:
        sign_up(session, hash_="attacker's")
        link = newest(session, SIGN_UP)
        session.scalars(select(Person)).one().password_hash = "owner's"
        with pytest.raises(DeadLink):
            service.confirm(session, link, now=now())
        assert session.scalars(select(Person.password_hash)).one() == "owner's"


def test_a_second_sign_up_replaces_the_first(database: Database) -> None:
    with database.session(write=True) as session:
        sign_up(session, hash_="first")
        old = newest(session, SIGN_UP)
        sign_up(session, hash_="second")
        with pytest.raises(DeadLink):
            service.confirm(session, old, now=now())
        service.confirm(session, newest(session, SIGN_UP), now=now())
        assert session.scalars(select(Person.password_hash)).one() == "second"


def test_many_who_sign_up_with_one_address_at_once_make_one_person(database: Database) -> None:
    barrier, faults = threading.Barrier(5), []

    def run(number: int) -> None:
        barrier.wait()
        try:
            with database.session(write=True) as session:
                sign_up(session, hash_=f"h{number}")
                session.commit()
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    with database.session(write=False) as session:
        assert session.scalar(select(func.count()).select_from(Person)) == 1
        live = [token for token in session.scalars(select(Token)) if tokens.is_live(token, now())]
        assert len(live) == 1


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Ada@Example.ORG ", "ada@example.org"),
        ("STRASSE@example.org", "strasse@example.org"),
        ("A\u030aa@example.org", "åa@example.org"),
    ],
)
def test_addresses_are_compared_as_people_read_them(typed: str, kept: str) -> None:
    assert queries.folded(typed) == kept


# --- signing in --------------------------------------------------------------------------------------------------


def begin(session: Session, person: Person, **given: object) -> str:
    checked = queries.credentials_of(session, person.id)
    values = {
        "renewed_hash": None,
        "device": "Firefox, Linux",
        "network": "192.0.2.0",
        "replacing": None,
        "now": now(),
    }
    return service.sign_in(session, checked, **{**values, **given})  # type: ignore[arg-type]


def test_signing_in_makes_a_row_and_ends_the_one_before(database: Database) -> None:
    with database.session(write=True) as session:
        person = factories.person(session)
        first = begin(session, person)
        before = session.scalars(select(UserSession.id)).one()
        second = begin(session, person, replacing=before)
        rows = session.scalars(select(UserSession)).all()
        assert [row.token_hash for row in rows] == [queries.hash_token(second)]
        assert first != second
        viewer = queries.viewer_of_session(session, second, now=now(), idle=timedelta(days=1))
        assert viewer is not None
        assert viewer.person_id == person.id
        assert queries.viewer_of_session(session, first, now=now(), idle=timedelta(days=1)) is None


def test_a_password_changed_or_an_account_closed_while_it_was_checked_opens_nothing(
    database: Database,
) -> None:
    with database.session(write=True) as session:
        person = factories.person(session)
        checked = queries.credentials_of(session, person.id)
        for change in (
            {"password_hash": "new"},
            {"password_hash": checked.password_hash, "disabled_at": now()},
        ):
            for name, value in change.items():
                setattr(person, name, value)
            session.flush()
            with pytest.raises(service.WrongPassword):
                service.sign_in(
                    session, checked, renewed_hash=None, device="", network="", replacing=None, now=now()
                )
        assert session.scalars(select(UserSession)).all() == []


def test_a_renewed_hash_is_kept(database: Database) -> None:
    with database.session(write=True) as session:
        person = factories.person(session)
        begin(session, person, renewed_hash="stronger")
        assert person.password_hash == "stronger"


def test_only_open_accounts_with_a_password_have_credentials(database: Database) -> None:
    with database.session(write=True) as session:
        factories.person(session, email="guest@example.org", password_hash=None)
        factories.person(session, email="closed@example.org", disabled_at=now())
        open_ = factories.person(session, email="open@example.org")
        for address in ("guest@example.org", "closed@example.org", "nobody@example.org"):
            assert queries.credentials_with(session, address) == queries.Credentials()
        assert queries.credentials_with(session, "OPEN@example.org").person_id == open_.id


# --- a new password ----------------------------------------------------------------------------------------------


def test_a_reset_ends_all_sessions_and_open_links_and_says_so(database: Database) -> None:
    with database.session(write=True) as session:
        person, other = factories.person(session), factories.person(session)
        begin(session, person)
        begin(session, other)
        tokens.issue(session, NEW_ADDRESS, person.id, rules=RULES, now=now(), subject="thief@example.org")
        service.request_reset(session, person.email, sign_up_open=False, rules=RULES, now=now())
        service.reset(session, newest(session, RESET), "new hash", now=now())
        assert person.password_hash == "new hash"
        assert session.scalars(select(UserSession.person_id)).all() == [other.id]
        with pytest.raises(DeadLink):  # somebody with a stolen session cannot still move the account
            tokens.look(session, NEW_ADDRESS, newest(session, NEW_ADDRESS), now=now())
        assert jobs(session) == ["accounts.reset_password", "accounts.password_changed"]


@pytest.mark.parametrize(("sign_up_open", "letters"), [(True, ["accounts.reset_password"]), (False, [])])
def test_a_guest_may_choose_a_password_where_anybody_may_sign_up(
    database: Database, sign_up_open: bool, letters: list[str]
) -> None:
    with database.session(write=True) as session:
        service.guest(session, "ada@example.org", language="de", now=now())
        service.request_reset(session, "ada@example.org", sign_up_open=sign_up_open, rules=RULES, now=now())
        assert jobs(session) == letters


def test_invited_staff_may_ask_for_a_link_herself(database: Database) -> None:
    with database.session(write=True) as session:
        factories.person(session, "agent", email="agent@example.org", password_hash=None, proved_at=None)
        service.request_reset(session, "agent@example.org", sign_up_open=False, rules=RULES, now=now())
        service.reset(session, newest(session, RESET), "first", now=now())
        person = session.scalars(select(Person)).one()
        assert person.proved_at is not None
        assert jobs(session) == ["accounts.reset_password"]  # there was no password that was changed


def test_an_unknown_address_gets_no_letter(database: Database) -> None:
    with database.session(write=True) as session:
        service.request_reset(session, "nobody@example.org", sign_up_open=True, rules=RULES, now=now())
        assert jobs(session) == []
        assert session.scalars(select(Person)).all() == []


def test_changing_the_password_ends_the_other_sessions(database: Database) -> None:
    with database.session(write=True) as session:
        person = factories.person(session)
        begin(session, person)
        begin(session, person)
        here = session.scalars(select(UserSession.id).order_by(UserSession.id.desc())).first()
        checked = queries.credentials_of(session, person.id)
        service.change_password(session, checked, "new", session_id=here, now=now())
        assert session.scalars(select(UserSession.id)).all() == [here]
        assert jobs(session) == ["accounts.password_changed"]
        with pytest.raises(service.WrongPassword):  # the check was of the password before
            service.change_password(session, checked, "newer", session_id=here, now=now())


# --- a new address -----------------------------------------------------------------------------------------------


def test_an_address_changes_once_the_new_one_is_confirmed(database: Database) -> None:
    with database.session(write=True) as session:
        person = factories.person(session, email="old@example.org", proved_at=None)
        tokens.issue(session, RESET, person.id, rules=RULES, now=now())
        service.request_new_address(session, person.id, "New@Example.org", rules=RULES, now=now())
        assert person.email == "old@example.org"
        service.confirm_new_address(session, newest(session, NEW_ADDRESS), person_id=person.id, now=now())
        assert person.email == "new@example.org"
        assert person.proved_at is not None
        assert jobs(session) == ["accounts.new_address", "accounts.address_changed_notice"]
        changed = session.scalars(select(Token).where(Token.purpose == NEW_ADDRESS)).one()
        assert changed.subject == "old@example.org"  # where the notice goes
        with pytest.raises(DeadLink):  # a link that went to the old address
            tokens.look(session, RESET, newest(session, RESET), now=now())


def test_the_same_address_is_no_change(database: Database) -> None:
    with database.session(write=True) as session:
        person = factories.person(session, email="ada@example.org")
        with pytest.raises(Refused, match="your address already"):
            service.request_new_address(session, person.id, "ADA@example.org", rules=RULES, now=now())


def test_asking_for_a_taken_address_tells_nothing_and_confirming_it_conflicts(database: Database) -> None:
    with database.session(write=True) as session:
        person = factories.person(session)
        other = factories.person(session, email="taken@example.org")
        service.request_new_address(session, person.id, "taken@example.org", rules=RULES, now=now())
        link = newest(session, NEW_ADDRESS)
        session.commit()
        with pytest.raises(Conflict) as conflict:
            service.confirm_new_address(session, link, person_id=person.id, now=now())
        assert conflict.value.field == "email"
        session.rollback()
        assert session.get_one(Person, other.id).email == "taken@example.org"
        assert session.get_one(Person, person.id).email != "taken@example.org"
        tokens.look(session, NEW_ADDRESS, link, now=now())  # rolled back: it can be used once that is settled


def test_a_link_to_an_address_works_for_its_own_person_only(database: Database) -> None:
    with database.session(write=True) as session:
        person, other = factories.person(session), factories.person(session)
        service.request_new_address(session, person.id, "new@example.org", rules=RULES, now=now())
        with pytest.raises(DeadLink):
            service.confirm_new_address(session, newest(session, NEW_ADDRESS), person_id=other.id, now=now())


def test_two_who_take_one_address_at_once_get_it_once(database: Database) -> None:
    with database.session(write=True) as session:
        people = [factories.person(session).id for _ in range(4)]
        links = []
        for person_id in people:
            service.request_new_address(session, person_id, "wanted@example.org", rules=RULES, now=now())
            links.append(newest(session, NEW_ADDRESS))
        session.commit()
    barrier, won, lost = threading.Barrier(4), [], []

    def take(person_id: int, link: str) -> None:
        barrier.wait()
        with database.session(write=True) as session:
            try:
                service.confirm_new_address(session, link, person_id=person_id, now=now())
                session.commit()
                won.append(person_id)
            except Conflict:
                lost.append(person_id)

    threads = [threading.Thread(target=take, args=pair) for pair in zip(people, links, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 3)


# --- sessions ----------------------------------------------------------------------------------------------------


def test_idle_sessions_are_swept_and_open_nothing_before(database: Database) -> None:
    with database.session(write=True) as session:
        person = factories.person(session)
        token = begin(session, person)
        assert (
            queries.viewer_of_session(session, token, now=now() + timedelta(days=31), idle=timedelta(days=30))
            is None
        )
        assert sessions.sweep(session, idle_before=now() - timedelta(days=1)) == 0
        assert sessions.sweep(session, idle_before=now() + timedelta(seconds=1)) == 1
