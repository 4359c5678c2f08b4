"""Links in letters: single use, newest only, until they expire, and never used up by a look."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import tokens
from app.accounts.models import Person, Token
from app.accounts.tokens import INVITATION, NEW_ADDRESS, RESET, SIGN_UP, DeadLink
from app.db import Database
from app.now import now
from tests import factories
from tests.accounts.links import RULES, SECRET, secret_of


def made(database: Database, purpose: str = RESET, **given: object) -> tuple[Person, str]:
    with database.session(write=True) as session:
        person = factories.person(session)
        token = tokens.issue(session, purpose, person.id, rules=RULES, now=now(), **given)  # type: ignore[arg-type]
        session.commit()
        return person, secret_of(token)


def test_a_link_is_the_same_each_time_it_is_written_and_only_its_hash_is_kept(database: Database) -> None:
    _, secret = made(database)
    with database.session(write=False) as session:
        token = session.scalars(select(Token)).one()
        assert secret_of(token) == secret
        assert len(secret) >= 43  # 256 bits
        assert secret not in (token.seed, token.token_hash)
        assert tokens.address(token, "x" * 32, "https://a.test") != tokens.address(
            token, SECRET, "https://a.test"
        )


def test_looking_uses_nothing_up_and_taking_works_once(database: Database) -> None:
    _, secret = made(database)
    for _ in range(3):
        with database.session(write=False) as session:
            assert tokens.look(session, RESET, secret, now=now()).used_at is None
    with database.session(write=True) as session:
        tokens.take(session, RESET, secret, now=now())
        session.commit()
    with database.session(write=True) as session:
        with pytest.raises(DeadLink) as dead:
            tokens.take(session, RESET, secret, now=now())
        assert (dead.value.known, dead.value.used) == (True, True)


def test_a_link_of_one_purpose_is_worth_nothing_for_another(database: Database) -> None:
    _, secret = made(database, RESET)
    with database.session(write=True) as session:
        for purpose in (SIGN_UP, INVITATION, NEW_ADDRESS):
            with pytest.raises(DeadLink) as dead:
                tokens.take(session, purpose, secret, now=now())
            assert not dead.value.known


@pytest.mark.parametrize(
    ("purpose", "period"),
    [
        (RESET, timedelta(minutes=30)),
        (SIGN_UP, timedelta(hours=24)),
        (NEW_ADDRESS, timedelta(hours=24)),
        (INVITATION, timedelta(days=7)),
    ],
)
def test_a_link_expires_after_the_period_of_its_purpose(
    database: Database, purpose: str, period: timedelta
) -> None:
    _, secret = made(database, purpose)
    with database.session(write=True) as session:
        tokens.look(session, purpose, secret, now=now() + period - timedelta(seconds=2))
        with pytest.raises(DeadLink) as dead:
            tokens.take(session, purpose, secret, now=now() + period)
        assert (dead.value.known, dead.value.used) == (True, False)


def test_only_the_newest_link_of_a_purpose_works_and_the_older_forgets_what_waited(
    database: Database,
) -> None:
    person, old = made(database, SIGN_UP, pending_name="Ada", pending_password_hash="hash")
    with database.session(write=True) as session:
        other = tokens.issue(session, RESET, person.id, rules=RULES, now=now())
        newer = tokens.issue(session, SIGN_UP, person.id, rules=RULES, now=now())
        with pytest.raises(DeadLink):
            tokens.look(session, SIGN_UP, old, now=now())
        tokens.look(session, SIGN_UP, secret_of(newer), now=now())
        tokens.look(session, RESET, secret_of(other), now=now())
        session.commit()
    with database.session(write=False) as session:
        first = session.scalars(select(Token).order_by(Token.id)).first()
        assert first is not None
        assert (first.pending_name, first.pending_password_hash) == (None, None)


def test_invitations_to_two_organisations_stand_beside_each_other(database: Database) -> None:
    with database.session(write=True) as session:
        person = factories.person(session)
        one, other = factories.organisation(session), factories.organisation(session)
        links = [
            tokens.issue(
                session,
                INVITATION,
                person.id,
                rules=RULES,
                now=now(),
                organisation_id=place,
                membership_role="member",
            )
            for place in (one.id, other.id, one.id, None)
        ]
        assert [
            tokens.is_live(link, now()) for link in session.scalars(select(Token).order_by(Token.id))
        ] == [
            False,
            True,
            True,
            True,
        ]
        assert len(links) == 4


def test_a_closed_account_takes_no_link(database: Database) -> None:
    person, secret = made(database)
    with database.session(write=True) as session:
        session.get_one(Person, person.id).disabled_at = now()
        session.flush()
        with pytest.raises(DeadLink):
            tokens.take(session, RESET, secret, now=now())


def test_of_two_who_take_a_link_at_once_one_gets_it(database: Database) -> None:
    _, secret = made(database)
    barrier, won, dead = threading.Barrier(6), [], []

    def take() -> None:
        barrier.wait()
        with database.session(write=True) as session:
            try:
                tokens.take(session, RESET, secret, now=now())
                session.commit()
                won.append(1)
            except DeadLink:
                dead.append(1)

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(dead)) == (1, 5)


def test_sweeping_forgets_what_waited_at_once_and_removes_links_later(database: Database) -> None:
    made(database, SIGN_UP, pending_name="Ada", pending_password_hash="hash")

    def left(session: Session) -> list[tuple[str | None, str | None]]:
        return [(t.pending_name, t.pending_password_hash) for t in session.scalars(select(Token))]

    for passed, kept in (
        (timedelta(hours=23), [("Ada", "hash")]),
        (timedelta(hours=25), [(None, None)]),
        (timedelta(days=40), []),
    ):
        with database.session(write=True) as session:
            tokens.sweep(session, now=now() + passed)
            session.commit()
        with database.session(write=False) as session:
            assert left(session) == kept
