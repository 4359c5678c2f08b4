"""The doors to accounts as a stranger meets them: nothing tells whether an address is known, no session survives what
should end it, no form works without its token, nothing posted beside the fields counts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters
from flask import Flask
from sqlalchemy import select

from app.accounts import passwords
from app.accounts.models import CUSTOMER, Person, Token, UserSession
from app.db import Database
from app.now import now
from tests import factories
from tests.support.mailbox import Mailbox, link_in
from tests.support.pages import Browser, Page

GOOD = "laterne-kupfer-43"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


def database_of(app: Flask) -> Database:
    opened: Database = app.extensions["portal"].database
    return opened


def add(app: Flask, role: str = CUSTOMER, **given: Any) -> Person:
    with database_of(app).session(write=True) as session:
        person = factories.person(session, role, **given)
        session.commit()
        return person


def rows(app: Flask, model: Any) -> list[Any]:
    with database_of(app).session(write=False) as session:
        return list(session.scalars(select(model).order_by(model.id)))


def sign_in(browser: Browser, email: str, password: str = factories.PASSWORD, *, status: int = 200) -> Page:
    return browser.send(browser.visit("/account/sign-in"), status=status, email=email, password=password)


def without_token(html: str, typed: str = "") -> str:
    """A page without what differs by chance: its CSRF token, and what was typed."""
    html = re.sub(r'name="csrf_token"[^>]*>', "", html)
    return html.replace(typed, "") if typed else html


def token_of(page: Page) -> str:
    return page.all("input", name="csrf_token")[0].get("value") or ""


def cookie(browser: Browser) -> str:
    found = browser.get_cookie("session")
    assert found is not None
    return found.value


# --- nothing tells whether an address is known ---------------------------------------------------------------------


@pytest.mark.settings(PORTAL_RATE_LIMITS="off")
def test_a_failed_sign_in_looks_the_same_for_every_address(app: Flask, visitor: Browser) -> None:
    add(app, email="known@example.org")
    add(app, email="guest@example.org", password_hash=None)
    add(app, email="closed@example.org", disabled_at=now())
    answers = {}
    for who in ("known", "guest", "closed", "unknown"):
        email = f"{who}@example.org"
        page = sign_in(visitor, email, "not the password", status=422)
        assert "The email address or password is wrong." in page.text
        answers[who] = without_token(page.html, email)
    assert len(set(answers.values())) == 1
    assert rows(app, UserSession) == []
    sign_in(app.test_client(), "closed@example.org", status=422)  # type: ignore[arg-type]


@pytest.mark.settings(PORTAL_RATE_LIMITS="off")
def test_signing_up_and_asking_for_a_password_look_the_same_for_every_address(
    app: Flask, visitor: Browser
) -> None:
    add(app, email="known@example.org")
    add(app, email="closed@example.org", disabled_at=now())
    ups, resets = set(), set()
    for who in ("known", "closed", "unknown"):
        email = f"{who}@example.org"
        page = visitor.send(visitor.visit("/account/sign-up"), name="Ada Lang", email=email, password=GOOD)
        ups.add((page.path, without_token(page.html)))
        page = visitor.send(visitor.visit("/account/reset"), email=email)
        resets.add((page.path, without_token(page.html)))
    assert len(ups) == len(resets) == 1


@pytest.mark.settings(PORTAL_RATE_LIMITS="off")
def test_an_unknown_address_takes_as_much_work_as_a_known_one(
    app: Flask, visitor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(app, email="known@example.org", password_hash=passwords.hashed(GOOD))
    add(app, email="guest@example.org", password_hash=None)
    add(app, email="closed@example.org", disabled_at=now())
    page, checked, verify = visitor.visit("/account/sign-in"), [], PasswordHasher.verify

    def counted(self: PasswordHasher, kept: str, password: str) -> bool:
        checked.append(extract_parameters(kept))
        return verify(self, kept, password)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    for who in ("known", "guest", "closed", "unknown"):
        visitor.send(page, status=422, email=f"{who}@example.org", password="not the password")
    assert len(checked) == 4
    assert {(found.memory_cost, found.time_cost, found.parallelism) for found in checked} == {
        (19 * 1024, 2, 1)
    }


# --- sessions ------------------------------------------------------------------------------------------------------


def test_a_cookie_of_before_signing_in_opens_nothing_after(app: Flask, visitor: Browser) -> None:
    add(app, email="ada@example.org")
    visitor.visit("/account/sign-in")
    before = cookie(visitor)
    sign_in(visitor, "ada@example.org")
    assert visitor.visit("/account/").path == "/account/"
    thief = app.test_client()
    assert isinstance(thief, Browser)
    thief.set_cookie("session", before)
    assert thief.visit("/account/").path.startswith("/account/sign-in")


def test_signing_in_again_ends_the_session_of_before(app: Flask, visitor: Browser) -> None:
    add(app, email="ada@example.org")
    sign_in(visitor, "ada@example.org")
    stolen = cookie(visitor)
    page = visitor.visit("/account/")
    token = token_of(page)
    answer = visitor.post(
        "/account/sign-in",
        data={"email": "ada@example.org", "password": factories.PASSWORD, "csrf_token": token},
        headers=SAME_SITE,
    )
    assert answer.status_code == 303
    assert len(rows(app, UserSession)) == 1
    thief = app.test_client()
    assert isinstance(thief, Browser)
    thief.set_cookie("session", stolen)
    assert thief.visit("/account/").path.startswith("/account/sign-in")


def test_a_cookie_kept_from_before_signing_out_is_dead(app: Flask, visitor: Browser) -> None:
    add(app, email="ada@example.org")
    sign_in(visitor, "ada@example.org")
    kept = cookie(visitor)
    page = visitor.send(visitor.visit("/account/"), "sign-out")
    assert "You are signed out." in page.text
    assert rows(app, UserSession) == []
    visitor.set_cookie("session", kept)
    assert visitor.visit("/account/").path.startswith("/account/sign-in")


def test_one_ends_ones_own_sessions_only(app: Flask, sign_in: Callable[..., Browser]) -> None:
    mine, other = sign_in(), sign_in()
    foreign = next(row.id for row in rows(app, UserSession) if row.person_id == other.person_id)
    token = token_of(mine.visit("/account/security"))
    for session_id in (foreign, 4711):
        answer = mine.post(
            f"/account/sessions/{session_id}/end", data={"csrf_token": token}, headers=SAME_SITE
        )
        assert answer.status_code == 404
    assert len(rows(app, UserSession)) == 2
    other.visit("/account/")


def test_devices_are_listed_and_signed_out(app: Flask, visitor: Browser) -> None:
    add(app, email="ada@example.org")
    first, second, third = visitor, app.test_client(), app.test_client()
    for browser, agent in ((first, "Firefox/1 Windows"), (second, "Chrome/1 Android"), (third, "x")):
        assert isinstance(browser, Browser)
        browser.environ_base["HTTP_USER_AGENT"] = agent
        sign_in(browser, "ada@example.org")
    page = first.visit("/account/security")
    for words in ("Firefox, Windows", "Chrome, Android", "Unknown device", "This device"):
        assert words in page.text
    android = next(row.id for row in rows(app, UserSession) if "Android" in row.device)
    page = first.send(page, f"/account/sessions/{android}/end")
    assert "Chrome, Android" not in page.text
    page = first.send(page, "/account/sessions/end")
    assert len(rows(app, UserSession)) == 1
    assert "Unknown device" not in page.text
    first.visit("/account/")


# --- forms ---------------------------------------------------------------------------------------------------------

OPEN_FORMS = ["/account/sign-in", "/account/sign-up", "/account/reset"]
OWN_FORMS = [
    "/account/",
    "/account/address",
    "/account/security",
    "/account/sign-out",
    "/account/sessions/end",
]


@pytest.mark.parametrize("path", OPEN_FORMS + OWN_FORMS)
@pytest.mark.parametrize("kind", ["missing", "empty", "wrong", "foreign", "other site", "get"])
def test_no_form_works_without_its_token(
    app: Flask, customer: Browser, visitor: Browser, path: str, kind: str
) -> None:
    browser = customer if path in OWN_FORMS else visitor
    stranger = app.test_client()
    assert isinstance(stranger, Browser)
    token = {"empty": "", "wrong": "abc", "foreign": token_of(stranger.visit("/account/sign-in"))}
    data = {
        "email": "a@example.org",
        "name": "Ada",
        "password": GOOD,
        "current": factories.PASSWORD,
        "language": "de",
    }
    if kind in token:
        data["csrf_token"] = token[kind]
    before = [(row.email, row.name, row.password_hash) for row in rows(app, Person)]
    headers = (
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"} if kind == "other site" else SAME_SITE
    )
    if kind == "get":
        assert browser.get(path, query_string=data).status_code in (200, 404, 405)
    else:
        assert browser.post(path, data=data, headers=headers).status_code == 400
    assert [(row.email, row.name, row.password_hash) for row in rows(app, Person)] == before
    assert len(rows(app, UserSession)) == 1  # the customer's


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.test",
        "//evil.test",
        "/\\evil.test",
        "javascript:alert(1)",
        "/nowhere",
        "",
        "\t//evil.test",
    ],
)
def test_signing_in_leads_to_our_own_pages_only(app: Flask, visitor: Browser, target: str) -> None:
    add(app, email="ada@example.org")
    page = visitor.visit("/account/sign-in", query_string={"next": target})
    answer = visitor.post(
        "/account/sign-in",
        data={
            "email": "ada@example.org",
            "password": factories.PASSWORD,
            "next": target,
            "csrf_token": token_of(page),
        },
        headers=SAME_SITE,
    )
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/"


def test_signing_in_leads_back_to_where_one_was_going(app: Flask, visitor: Browser) -> None:
    add(app, email="ada@example.org")
    page = visitor.visit("/account/security")
    assert page.path.startswith("/account/sign-in?next=")
    assert "Sign in to continue." in page.text
    assert (
        visitor.send(page, email="ada@example.org", password=factories.PASSWORD).path == "/account/security"
    )
    assert visitor.visit("/account/sign-in", query_string={"next": "/account/"}).path == "/account/"


def test_what_is_posted_beside_the_fields_counts_for_nothing(app: Flask, customer: Browser) -> None:
    page = customer.visit("/account/")
    answer = customer.post(
        "/account/",
        data={
            "csrf_token": token_of(page),
            "name": "Ada",
            "language": "de",
            "kind": "staff",
            "role": "admin",
            "roles": "admin",
            "email": "other@example.org",
            "id": "1",
            "person_id": "1",
            "password_hash": "x",
            "disabled_at": "1",
        },
        headers=SAME_SITE,
    )
    assert answer.status_code == 303
    with database_of(app).session(write=False) as session:
        person = session.get_one(Person, customer.person_id)
        assert (person.name, person.language, person.kind) == ("Ada", "de", CUSTOMER)
        assert person.email == customer.email
        assert person.password_hash == factories.password_hash()
    assert customer.get("/admin/people").status_code == 403


@pytest.mark.parametrize("path", OPEN_FORMS)
def test_hostile_input_comes_back_with_words(app: Flask, visitor: Browser, path: str) -> None:
    page = visitor.visit(path)
    fields = {element.get("name") for element in page.form().iter("input")}
    for hostile in (
        "x" * 10_000,
        "a\x00b\x00",
        "\u202e\u0301😀" * 50,
        "<script>alert(1)</script>",
        "' OR 1=1--",
    ):
        data = dict.fromkeys(fields & {"name", "email", "password"}, hostile)
        answer = visitor.send(page, status=422, **data)
        assert "<script>alert" not in answer.html
        assert answer.title.startswith("Error:")
    raw = visitor.post(
        path,
        data=b"email=%ff%fe&password=%80&csrf_token=" + (token_of(page)).encode(),
        content_type="application/x-www-form-urlencoded",
        headers=SAME_SITE,
    )
    assert raw.status_code == 422


def test_a_name_of_ten_thousand_characters_is_refused_and_given_back(customer: Browser) -> None:
    page = customer.send(customer.visit("/account/"), status=422, name="ä" * 10_000)
    assert "Use at most 200 characters." in page.text
    assert page.one("input", name="name").get("value") == "ä" * 10_000


def test_nul_bytes_are_left_out(app: Flask, customer: Browser) -> None:
    customer.send(customer.visit("/account/"), name="A\x00da \x07 Lang")
    with database_of(app).session(write=False) as session:
        assert session.get_one(Person, customer.person_id).name == "Ada Lang"


def test_passwords_never_come_back(visitor: Browser) -> None:
    page = visitor.send(visitor.visit("/account/sign-up"), status=422, name="", email="a@b", password=GOOD)
    assert GOOD not in page.html
    assert page.one("input", name="email").get("value") == "a@b"


def test_a_weak_password_costs_no_letter(app: Flask, visitor: Browser) -> None:
    for _ in range(5):
        page = visitor.send(
            visitor.visit("/account/sign-up"),
            status=422,
            name="Ada",
            email="ada@example.org",
            password="passwort123",
        )
    assert "easy to guess" in page.text
    assert rows(app, Token) == []
    visitor.send(visitor.visit("/account/sign-up"), name="Ada", email="ada@example.org", password=GOOD)


# --- how often one may try -------------------------------------------------------------------------------------------


def test_an_account_is_tried_ten_times_in_a_quarter_of_an_hour(app: Flask, visitor: Browser) -> None:
    add(app, email="ada@example.org")
    for _ in range(10):
        sign_in(visitor, "ada@example.org", "wrong password", status=422)
    page = sign_in(visitor, "ADA@example.org", status=429)  # even with the right one
    assert "Too many tries" in page.text
    assert re.search(r"\d\d:\d\d", page.text)
    assert 0 < int(page.response.headers["Retry-After"]) <= 900
    for _ in range(9):
        sign_in(visitor, "unknown@example.org", "wrong password", status=422)
    sign_in(visitor, "unknown@example.org", "wrong password", status=422)
    sign_in(visitor, "unknown@example.org", "wrong password", status=429)  # unknown addresses no less


def test_a_network_tries_thirty_times_whatever_it_claims_to_be(app: Flask, visitor: Browser) -> None:
    page = visitor.visit("/account/sign-in")
    token = token_of(page)
    answers = [
        visitor.post(
            "/account/sign-in",
            data={"email": f"p{number}@example.org", "password": "wrong password", "csrf_token": token},
            headers={**SAME_SITE, "X-Forwarded-For": f"203.0.113.{number}"},
        ).status_code
        for number in range(31)
    ]
    assert answers == [422] * 30 + [429]


def test_right_passwords_do_not_use_up_the_tries(app: Flask, visitor: Browser) -> None:
    add(app, email="ada@example.org")
    sign_in(visitor, "ada@example.org")
    token = token_of(visitor.visit("/account/"))
    for _ in range(31):
        data = {"email": "ada@example.org", "password": factories.PASSWORD, "csrf_token": token}
        answer = visitor.post("/account/sign-in", data=data, headers=SAME_SITE)
        assert answer.status_code == 303
        token = token_of(visitor.visit("/account/"))


def test_letters_go_to_one_address_three_times_an_hour(visitor: Browser) -> None:
    for path in ("/account/reset", "/account/sign-up", "/account/reset"):
        fields = {"name": "Ada", "password": GOOD} if "up" in path else {}
        visitor.send(visitor.visit(path), email="ada@example.org", **fields)
    page = visitor.send(visitor.visit("/account/reset"), status=429, email="Ada@example.org")
    assert "Too many tries" in page.text
    visitor.send(visitor.visit("/account/reset"), email="other@example.org")


def test_a_network_asks_for_twenty_letters_an_hour(visitor: Browser) -> None:
    page = visitor.visit("/account/reset")
    for number in range(20):
        visitor.send(page, email=f"p{number}@example.org")
    visitor.send(page, status=429, email="last@example.org")


def test_who_chose_a_new_password_may_try_again(
    app: Flask, visitor: Browser, mails: Mailbox, run_worker: Callable[[], int]
) -> None:
    add(app, email="ada@example.org")
    for _ in range(11):
        sign_in(visitor, "ada@example.org", "wrong password", status=422 if _ < 10 else 429)
    visitor.send(visitor.visit("/account/reset"), email="ada@example.org")
    run_worker()
    page = visitor.visit(link_in(mails.last("ada@example.org"), "/account/reset/"))
    page = visitor.send(page, password=GOOD)
    assert visitor.send(page, email="ada@example.org", password=GOOD).path != "/account/sign-in"


@pytest.mark.settings(PORTAL_RATE_LIMITS="off")
def test_limits_can_be_switched_off_for_trials(visitor: Browser) -> None:
    page = visitor.visit("/account/sign-in")
    for _ in range(12):
        visitor.send(page, status=422, email="ada@example.org", password="wrong password")


# --- language and theme ----------------------------------------------------------------------------------------------


def test_visitors_choose_language_and_theme_for_this_device(app: Flask, visitor: Browser) -> None:
    headers = {**SAME_SITE, "Referer": "http://localhost/account/sign-in?next=/account/"}
    answer = visitor.post("/language", data={"lang": "de"}, headers=headers)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account/sign-in?next=/account/")
    answer = visitor.post(
        "/theme", data={"theme": "dark"}, headers={**SAME_SITE, "Referer": "https://evil.test/x"}
    )
    assert answer.headers["Location"] == "/"
    page = visitor.visit("/account/sign-in")
    assert (page.tree.get("lang"), page.tree.get("data-theme")) == ("de", "dark")
    assert visitor.post("/theme", data={"theme": "dark"}).status_code == 400  # from nowhere
    assert visitor.post("/language", data={"lang": "xx"}, headers=SAME_SITE).status_code == 404


def test_a_persons_choice_is_kept_with_her_account(app: Flask, customer: Browser) -> None:
    customer.post("/language", data={"lang": "de"}, headers=SAME_SITE)
    customer.post("/theme", data={"theme": "light"}, headers=SAME_SITE)
    with database_of(app).session(write=False) as session:
        person = session.get_one(Person, customer.person_id)
        assert (person.language, person.theme) == ("de", "light")
    page = customer.visit("/account/")
    assert (page.tree.get("lang"), page.tree.get("data-theme")) == ("de", "light")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/de/", "/en/"),
        ("/de/search?q=a%26b", "/en/search?q=a%26b"),
        ("/de/glossary", "/en/glossary"),
        ("/de/articles/only-german", "/en/"),
        ("/account/", "/account/"),
        ("/nowhere", "/"),
    ],
)
def test_changing_the_language_stays_on_the_page_if_it_has_one(
    visitor: Browser, before: str, after: str
) -> None:
    headers = {**SAME_SITE, "Referer": f"http://localhost{before}"}
    assert visitor.post("/language", data={"lang": "en"}, headers=headers).headers["Location"] == after


# --- pages are cheap ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/account/", "/account/address", "/account/security", "/account/sign-in"])
def test_own_pages_need_few_statements(customer: Browser, statements: Any, path: str) -> None:
    with statements() as sent:
        customer.get(path)
    assert len(sent) <= 5, "\n".join(sent)


def test_a_stale_form_comes_back_with_what_was_typed_but_no_password(visitor: Browser) -> None:
    visitor.visit("/account/sign-up")
    data = {"name": "Ada Lang", "email": "ada@example.org", "password": GOOD, "csrf_token": "stale"}
    answer = visitor.post("/account/sign-up", data=data, headers=SAME_SITE)
    html = answer.get_data(as_text=True)
    assert answer.status_code == 400
    assert "ada@example.org" in html
    assert GOOD not in html
