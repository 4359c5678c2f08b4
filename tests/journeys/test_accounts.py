"""Accounts as people live through them, through pages and letters, in German and in English."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from app.accounts.models import MANAGER, MEMBER, Person, Token
from app.db import Database
from app.now import now
from app.preferences import PreferenceRow
from app.throttle import Throttle
from tests import factories
from tests.support.mailbox import Mailbox, link_in, text_of
from tests.support.pages import Browser

PASSWORD, NEW_PASSWORD = "laterne-kupfer-43", "segel-winter-teppich-9"

WORDS = {
    "de": {
        "confirm": "Bestätigen Sie Ihre E-Mail-Adresse",
        "confirmed": "Ihre Adresse ist bestätigt.",
        "not chosen": "Das ist nicht das Passwort, das bei der Registrierung gewählt wurde.",
        "choose": "Sie möchten ein eigenes Konto? Wählen Sie selbst ein Passwort.",
        "hello": "Guten Tag,",
        "hello Ada": "Guten Tag Ada Größmann,",
        "nothing": "Sie haben das nicht angefordert? Dann müssen Sie nichts tun.",
        "period": "Der Link gilt 24 Stunden",
        "known": "Sie haben schon ein Konto",
        "reset": "Wählen Sie ein neues Passwort",
        "changed": "Ihr Passwort wurde geändert",
        "used": "Er wurde schon benutzt.",
        "expired": "Er ist abgelaufen",
        "saved": "Gespeichert.",
        "moved": "Die E-Mail-Adresse Ihres Kontos wurde geändert",
    },
    "en": {
        "confirm": "Confirm your email address",
        "confirmed": "Your address is confirmed.",
        "not chosen": "This is not the password that was chosen at sign-up.",
        "choose": "You want an account of your own? Choose a password yourself.",
        "hello": "Hello,",
        "hello Ada": "Hello Ada Größmann,",
        "nothing": "You did not ask for this? Then do nothing.",
        "period": "The link is valid for 24 hours",
        "known": "You already have an account",
        "reset": "Choose a new password",
        "changed": "Your password was changed",
        "used": "It has been used already",
        "expired": "It has expired",
        "saved": "Saved.",
        "moved": "The email address of your account was changed",
    },
}


@pytest.fixture(params=["de", "en"])
def lang(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def words(lang: str) -> dict[str, str]:
    return WORDS[lang]


@pytest.fixture
def ada(app: Flask, lang: str) -> Browser:
    """A browser of somebody who reads this language."""
    browser = app.test_client()
    assert isinstance(browser, Browser)
    browser.lang = lang
    return browser


@pytest.fixture
def letter_to(mails: Mailbox, run_worker: Callable[[], int]) -> Callable[[str], EmailMessage]:
    """The newest letter to an address, once the worker has done everything."""

    def newest(address: str) -> EmailMessage:
        run_worker()
        return mails.last(address)

    return newest


def database_of(app: Flask) -> Database:
    opened: Database = app.extensions["portal"].database
    return opened


def expire_links(app: Flask) -> None:
    with database_of(app).session(write=True) as session:
        session.execute(update(Token).values(expires_at=now()))
        session.commit()


def test_somebody_signs_up_confirms_signs_in_and_out(
    app: Flask,
    ada: Browser,
    lang: str,
    words: dict[str, str],
    letter_to: Callable[[str], EmailMessage],
    mails: Mailbox,
) -> None:
    page = ada.visit("/account/sign-up")
    page = ada.send(page, name="Ada Größmann", email="Ada@example.org", password=PASSWORD)
    assert page.tree.get("lang") == lang
    letter = letter_to("ada@example.org")
    assert letter["Subject"] == words["confirm"]
    text = text_of(letter)
    for part in (words["hello"], words["nothing"], words["period"]):
        assert part in text
    assert "Ada Größmann" not in text  # nothing that a stranger typed goes to others
    link = link_in(letter, "/account/sign-up/")
    assert link.startswith("http://localhost/account/sign-up/")

    for _ in range(2):  # mail scanners look too
        page = ada.visit(link)
        assert page.form().findall(".//button")
    ada.send(ada.visit("/account/sign-in"), status=422, email="ada@example.org", password=PASSWORD)
    page = ada.send(page)
    assert words["confirmed"] in page.text
    page = ada.send(page, email="ada@example.org", password=PASSWORD)
    assert page.path == f"/{lang}/"
    page = ada.visit("/account/")
    assert page.one("input", name="name").get("value") == "Ada Größmann"
    ada.send(page, "sign-out")
    assert ada.visit("/account/").path.startswith("/account/sign-in")

    page = ada.visit(link, status=410)
    assert words["used"] in page.text
    assert ada.follow(page, "Anmelden" if lang == "de" else "Sign in").path == "/account/sign-in"
    assert len(mails.to("ada@example.org")) == 1


def test_a_stranger_who_signs_up_with_an_address_does_not_get_the_account(
    app: Flask, ada: Browser, lang: str, words: dict[str, str], letter_to: Callable[[str], EmailMessage]
) -> None:
    """Only who knows the password confirms in another browser; its owner chooses one herself."""
    stranger = app.test_client()
    assert isinstance(stranger, Browser)
    ada.send(ada.visit("/account/sign-up"), name="Ada", email="ada@example.org", password=NEW_PASSWORD)
    stranger.send(stranger.visit("/account/sign-up"), name="Eve", email="ada@example.org", password=PASSWORD)
    link = link_in(letter_to("ada@example.org"), "/account/sign-up/")
    page = ada.visit(link)
    page = ada.send(page, status=422, password="")
    page = ada.send(page, status=422, password=NEW_PASSWORD)
    assert words["not chosen"] in page.text
    stranger.send(stranger.visit("/account/sign-in"), status=422, email="ada@example.org", password=PASSWORD)
    page = ada.follow(page, words["choose"])
    ada.send(page, email="ada@example.org")
    page = ada.send(
        ada.visit(link_in(letter_to("ada@example.org"), "/account/reset/")), password=NEW_PASSWORD
    )
    assert ada.send(page, email="ada@example.org", password=NEW_PASSWORD).path == f"/{lang}/"
    ada.visit(link, status=410)


def test_a_sign_up_is_confirmed_on_another_device_with_its_password(
    app: Flask, ada: Browser, words: dict[str, str], letter_to: Callable[[str], EmailMessage]
) -> None:
    phone = app.test_client()
    assert isinstance(phone, Browser)
    phone.lang = ada.lang
    ada.send(ada.visit("/account/sign-up"), name="Ada", email="ada@example.org", password=PASSWORD)
    link = link_in(letter_to("ada@example.org"), "/account/sign-up/")
    page = phone.visit(link)
    for number in range(10):
        page = phone.send(page, status=422, password=f"{NEW_PASSWORD} {number}")
    phone.send(page, status=429, password=PASSWORD)
    with database_of(app).session(write=True) as session:
        session.execute(delete(Throttle))
        session.commit()
    assert words["confirmed"] in phone.send(phone.visit(link), password=PASSWORD).text


def test_who_has_an_account_and_signs_up_again_is_reminded(
    app: Flask, ada: Browser, lang: str, words: dict[str, str], letter_to: Callable[[str], EmailMessage]
) -> None:
    with database_of(app).session(write=True) as session:
        factories.person(session, email="ada@example.org", name="Ada Größmann", language=lang)
        session.commit()
    page = ada.visit("/account/sign-up")
    ada.send(page, name="Somebody Else", email="ada@example.org", password=PASSWORD)
    letter = letter_to("ada@example.org")
    assert letter["Subject"] == words["known"]
    assert words["hello Ada"] in text_of(letter)
    assert "Somebody Else" not in str(letter)
    ada.send(ada.visit("/account/sign-in"), status=422, email="ada@example.org", password=PASSWORD)
    page = ada.send(ada.visit(link_in(letter, "/account/reset/")), password=NEW_PASSWORD)
    assert ada.send(page, email="ada@example.org", password=NEW_PASSWORD).path == f"/{lang}/"


def test_a_forgotten_password_is_replaced_and_all_devices_are_signed_out(
    app: Flask,
    ada: Browser,
    lang: str,
    words: dict[str, str],
    sign_in: Callable[..., Browser],
    letter_to: Callable[[str], EmailMessage],
) -> None:
    elsewhere = sign_in(lang=lang, email="ada@example.org", name="Ada Größmann")
    page = ada.send(ada.visit("/account/reset"), email="ada@example.org")
    letter = letter_to("ada@example.org")
    assert letter["Subject"] == words["reset"]
    link = link_in(letter, "/account/reset/")
    page = ada.send(ada.visit(link), status=422, password="passwort123")
    page = ada.send(page, status=422, password="Ada-Größmann1")
    page = ada.send(page, password=NEW_PASSWORD)
    assert elsewhere.visit("/account/").path.startswith("/account/sign-in")
    ada.send(page, email="ada@example.org", password=NEW_PASSWORD)
    assert letter_to("ada@example.org")["Subject"] == words["changed"]
    assert words["used"] in ada.visit(link, status=410).text


def test_links_expire_and_older_ones_are_replaced(
    app: Flask, ada: Browser, lang: str, words: dict[str, str], letter_to: Callable[[str], EmailMessage]
) -> None:
    with database_of(app).session(write=True) as session:
        factories.person(session, email="ada@example.org", language=lang)
        session.commit()
    ada.send(ada.visit("/account/reset"), email="ada@example.org")
    old = link_in(letter_to("ada@example.org"), "/account/reset/")
    ada.send(ada.visit("/account/reset"), email="ada@example.org")
    new = link_in(letter_to("ada@example.org"), "/account/reset/")
    assert old != new
    assert words["expired"] in ada.visit(old, status=410).text
    page = ada.visit(new)
    expire_links(app)
    page = ada.send(page, status=410, password=NEW_PASSWORD)
    assert words["expired"] in page.text
    ada.visit(new[:-3], status=404)


def test_a_letter_whose_link_ended_meanwhile_is_not_sent(
    app: Flask, ada: Browser, mails: Mailbox, run_worker: Callable[[], int]
) -> None:
    ada.send(ada.visit("/account/sign-up"), name="Ada", email="ada@example.org", password=PASSWORD)
    expire_links(app)
    assert run_worker() == 1
    assert len(mails) == 0


def test_a_person_changes_her_name_language_and_password(
    app: Flask,
    lang: str,
    words: dict[str, str],
    sign_in: Callable[..., Browser],
    letter_to: Callable[[str], EmailMessage],
) -> None:
    ada, elsewhere = sign_in(lang=lang, email="ada@example.org"), app.test_client()
    assert isinstance(elsewhere, Browser)
    elsewhere.send(elsewhere.visit("/account/sign-in"), email="ada@example.org", password=factories.PASSWORD)
    page = ada.send(ada.visit("/account/"), name="Ada Größmann", language=lang)
    assert words["saved"] in page.text
    page = ada.visit("/account/security")
    page = ada.send(page, "/account/security", status=422, current="wrong", password=NEW_PASSWORD)
    page = ada.send(page, "/account/security", status=422, current=factories.PASSWORD, password="kurz")
    ada.send(page, "/account/security", current=factories.PASSWORD, password=NEW_PASSWORD)
    letter = letter_to("ada@example.org")
    assert letter["Subject"] == words["changed"]
    assert words["hello Ada"] in text_of(letter)
    assert elsewhere.visit("/account/").path.startswith("/account/sign-in")
    assert ada.visit("/account/").path == "/account/"


def test_a_person_moves_to_another_address(
    app: Flask,
    ada: Browser,
    lang: str,
    words: dict[str, str],
    sign_in: Callable[..., Browser],
    letter_to: Callable[[str], EmailMessage],
) -> None:
    own = sign_in(lang=lang, email="old@example.org", name="Ada Größmann")
    page = own.visit("/account/address")
    page = own.send(page, status=422, email="new@example.org", current="wrong")
    own.send(page, email="New@example.org", current=factories.PASSWORD)
    letter = letter_to("new@example.org")
    link = link_in(letter, "/account/address/")
    page = ada.visit(link)  # not signed in: asked to, and then back here
    assert page.path.startswith("/account/sign-in?next=")
    stranger = sign_in(lang=lang)
    stranger.visit(link, status=404)
    own.send(own.visit(link))
    notice = letter_to("old@example.org")
    assert notice["Subject"] == words["moved"]
    assert "new@example.org" not in str(notice)
    page = ada.visit("/account/sign-in")
    page = ada.send(page, status=422, email="old@example.org", password=factories.PASSWORD)
    ada.send(page, email="new@example.org", password=factories.PASSWORD)


def test_an_address_that_somebody_has_is_not_given_away(
    sign_in: Callable[..., Browser], letter_to: Callable[[str], EmailMessage]
) -> None:
    sign_in(email="taken@example.org")
    own = sign_in(email="ada@example.org")
    page = own.send(own.visit("/account/address"), email="taken@example.org", current=factories.PASSWORD)
    assert "We have sent an email to the new address." in page.text  # as for any other
    page = own.visit(link_in(letter_to("taken@example.org"), "/account/address/"))
    page = own.send(page, status=422)
    assert "There is already a person with this address." in page.text


def test_a_manager_invites_and_removes_people(
    app: Flask,
    ada: Browser,
    lang: str,
    sign_in: Callable[..., Browser],
    letter_to: Callable[[str], EmailMessage],
) -> None:
    manager, member = sign_in(lang=lang, name="Mia Chefin"), sign_in(lang=lang, name="Max Muster")
    with database_of(app).session(write=True) as session:
        people = {p.id: p for p in session.scalars(select(Person))}
        place = factories.organisation(session, "Firma", people[manager.person_id or 0], role=MANAGER)
        other = factories.organisation(session, "Andere")
        from app.accounts.models import Membership

        session.add(
            Membership(
                organisation_id=place.id, person_id=member.person_id or 0, role=MEMBER, created_at=now()
            )
        )
        session.commit()
        assert other.slug == "andere"
    button = {"de": "Einladung senden", "en": "Send invitation"}[lang]
    page = manager.visit("/account/organisation/firma")
    assert "Max Muster" in page.text
    page = manager.send(page, button, email="new@example.org", role="colleague")
    assert "new@example.org" in page.text
    letter = letter_to("new@example.org")
    assert "Firma" in letter["Subject"]
    assert "Mia Chefin" not in str(letter)
    page = ada.send(ada.visit(link_in(letter, "/invitation/")), name="Nele Neu", password=PASSWORD)
    ada.send(page, email="new@example.org", password=PASSWORD)
    assert "Firma" in ada.visit("/account/").text
    page = manager.visit("/account/organisation/firma")
    assert "Nele Neu" in page.text
    for browser in (ada, member):
        browser.visit("/account/organisation/firma", status=404)
    manager.visit("/account/organisation/andere", status=404)

    forms = [f.get("action", "") for f in page.all("form") if "/members/" in f.get("action", "")]
    token = page.all("input", name="csrf_token")[0].get("value")
    headers = {"Sec-Fetch-Site": "same-origin"}
    with database_of(app).session(write=False) as session:
        own = session.get_one(Person, manager.person_id).public_id
        nele = session.scalars(select(Person.public_id).where(Person.email == "new@example.org")).one()
    answer = manager.post(
        f"/account/organisation/firma/members/{own}/removal", data={"csrf_token": token}, headers=headers
    )
    assert answer.status_code == 422  # the last manager stays
    foreign = next(f for f in forms if nele in f).replace("firma", "andere")
    assert manager.post(foreign, data={"csrf_token": token}, headers=headers).status_code == 404
    page = manager.send(page, nele)
    assert "Nele Neu" not in page.text
    assert "Firma" not in ada.visit("/account/").text


def test_somebody_who_has_an_account_accepts_an_invitation_by_one_button(
    app: Flask, sign_in: Callable[..., Browser], letter_to: Callable[[str], EmailMessage]
) -> None:
    manager, known = sign_in(name="Mia Chefin"), sign_in(email="known@example.org", name="Kim Known")
    with database_of(app).session(write=True) as session:
        factories.organisation(session, "Firma", session.get_one(Person, manager.person_id), role=MANAGER)
        session.commit()
    page = manager.send(
        manager.visit("/account/organisation/firma"), "Send invitation", email="known@example.org"
    )
    assert "Kim Known" not in page.text
    page = known.visit(link_in(letter_to("known@example.org"), "/invitation/"))
    assert page.all("input", type="password") == []
    page = known.send(page)
    assert page.path == "/account/"
    assert "Firma" in page.text
    assert "Kim Known" in manager.visit("/account/organisation/firma").text


def test_where_sign_up_is_closed_nobody_makes_an_account_by_herself(
    app: Flask, visitor: Browser, run_worker: Callable[[], int], mails: Mailbox
) -> None:
    page = visitor.visit("/account/sign-up")
    with database_of(app).session(write=True) as session:
        session.add(PreferenceRow(name="sign_up_open", value=False, changed_at=now()))
        session.commit()
    visitor.send(page, status=422, name="Ada", email="ada@example.org", password=PASSWORD)
    page = visitor.visit("/account/sign-up")
    assert "by invitation" in page.text
    assert page.all("input", type="password") == []
    assert "Create an account" not in visitor.visit("/account/sign-in").text
    run_worker()
    assert len(mails) == 0
    with database_of(app).session(write=False) as session:
        assert session.scalars(select(Person)).all() == []


@pytest.mark.settings(PORTAL_BASE_URL="https://hilfe.example.org")
def test_links_come_from_the_configured_address_whatever_the_host_header_says(
    app: Flask, visitor: Browser, letter_to: Callable[[str], EmailMessage]
) -> None:
    page = visitor.get("/account/reset", base_url="https://hilfe.example.org")
    import re

    token = re.findall(r'csrf_token"[^>]*value="([^"]+)', page.get_data(as_text=True))[0]
    with database_of(app).session(write=True) as session:
        factories.person(session, email="ada@example.org")
        session.commit()
    answer: Any = visitor.post(
        "/account/reset",
        data={"email": "ada@example.org", "csrf_token": token},
        base_url="https://hilfe.example.org",
        headers={
            "Sec-Fetch-Site": "same-origin",
            "X-Forwarded-Host": "evil.test",
            "Referer": "https://hilfe.example.org/",
        },
    )
    assert answer.status_code == 303
    letter = letter_to("ada@example.org")
    assert link_in(letter, "/account/reset/").startswith("https://hilfe.example.org/account/reset/")
    assert "evil.test" not in str(letter)
