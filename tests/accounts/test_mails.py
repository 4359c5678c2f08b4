"""The words of the letters, and which letters are not written any more."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import delete

from app import letters
from app.accounts import mails, tokens
from app.accounts.models import Organisation, Person, Token
from app.i18n import gettext_in
from app.letters import Letter
from app.mail import Post
from app.now import now
from app.worker import LETTERS
from tests import factories
from tests.accounts.links import RULES, SECRET


@pytest.mark.parametrize("letter", mails.SHIPPED, ids=lambda letter: letter.name)
def test_every_letter_says_the_same_in_german(app: Flask, letter: Letter) -> None:
    known = {name for name, _ in letter.placeholders}
    for words in (letter.subject, letter.body):
        german = gettext_in("de")(words)
        assert german != words
        assert set(letters.PLACEHOLDER.findall(german)) == set(letters.PLACEHOLDER.findall(words)) <= known
    assert set(letter.required) <= known
    german = gettext_in("de")(letter.body)
    assert "!" not in german
    assert "müssen Sie nichts tun" in german


def test_every_letter_has_somebody_who_writes_it() -> None:
    ours = {name for name in LETTERS if name.startswith("accounts.")}
    assert ours == {letter.name for letter in mails.SHIPPED} - {"accounts.invitation_to_organisation"}


@pytest.fixture
def post(app: Flask) -> Post:
    """A composer's tools over a session that can also make rows."""
    with app.extensions["portal"].database.session(write=True) as session:
        yield Post(  # type: ignore[misc]
            session=session,
            base_url="https://hilfe.example.org",
            secret=SECRET,
            now=now(),
            job_key="k",
            languages=("de", "en"),
            mail_from="help@example.org",
            company={"de": "Hilfe", "en": "Help"},
        )


def test_a_letter_for_somebody_who_is_gone_is_not_written(post: Post) -> None:
    person = factories.person(post.session)
    token = tokens.issue(post.session, tokens.RESET, person.id, rules=RULES, now=now())
    ids = {"token_id": token.id, "person_id": person.id}
    assert mails.reset_password(post, ids) is not None
    post.session.execute(delete(Person))
    post.session.expunge_all()
    for write in (mails.reset_password, mails.invitation, mails.new_address, mails.address_changed_notice):
        assert write(post, ids) is None
    assert mails.password_changed(post, ids) is None


def test_a_letter_about_a_used_link_is_not_written(post: Post) -> None:
    person = factories.person(post.session)
    token = tokens.issue(post.session, tokens.SIGN_UP, person.id, rules=RULES, now=now())
    token.used_at = now()
    assert mails.confirm_address(post, {"token_id": token.id}) is None


def test_a_name_is_said_only_to_who_proved_her_address(post: Post) -> None:
    proved = factories.person(post.session, name="Ada [x](https://evil.test)", language="de")
    stranger = factories.person(
        post.session, name="Kauf jetzt https://evil.test", language="de", proved_at=None
    )
    for person, said in ((proved, True), (stranger, False)):
        token = tokens.issue(post.session, tokens.RESET, person.id, rules=RULES, now=now())
        message = mails.reset_password(post, {"token_id": token.id})
        assert message is not None
        assert (person.name in message.text) is said
        assert 'href="https://evil.test' not in message.html


def test_an_invitation_names_the_organisation_and_goes_in_the_persons_language(post: Post) -> None:
    place = Organisation(slug="f", name="Müller & <b>Söhne</b>", sort_name="m", created_at=now())
    post.session.add(place)
    post.session.flush()
    for lang, subject in (
        ("de", "Ihre Einladung zu Müller & <b>Söhne</b>"),
        ("en", "Your invitation to Müller & <b>Söhne</b>"),
    ):
        person = factories.person(post.session, language=lang, proved_at=None)
        token: Token = tokens.issue(
            post.session,
            tokens.INVITATION,
            person.id,
            rules=RULES,
            now=now(),
            organisation_id=place.id,
            membership_role="member",
        )
        message = mails.invitation(post, {"token_id": token.id})
        assert message is not None
        assert message.subject == subject
        assert "<b>" not in message.html
        assert ("7 Tage" if lang == "de" else "7 days") in message.text
        assert "https://hilfe.example.org/account/invitation/" in message.text
