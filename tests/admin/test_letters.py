"""The words of letters: listed, changed, previewed, reset."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

import app as portal_package
from app import letters
from app.admin.letter_views import SHIPPED, samples
from app.audit import AuditEntry
from app.letters import PLACEHOLDER, Letter, LetterText
from tests.support.mailbox import text_of
from tests.support.pages import Page

RESET = "/admin/mail-templates/accounts.reset_password"
ROOT = Path(portal_package.__file__).parent


def shipped_anywhere() -> set[str]:
    """The names of all letters in the `mails` modules of the domains."""
    found = set()
    for path in ROOT.rglob("*mails.py"):
        module = importlib.import_module(".".join(["app", *path.relative_to(ROOT).with_suffix("").parts]))
        found |= {value.name for value in vars(module).values() if isinstance(value, Letter)}
    return found


@pytest.fixture
def audited(app: Flask):
    def read() -> list[str]:
        with app.extensions["portal"].database.session(write=False) as session:
            return list(
                session.scalars(select(AuditEntry.action).where(AuditEntry.object_kind == "letter_text"))
            )

    return read


def test_every_letter_of_every_domain_is_listed(admin):
    assert {letter.name for letter in SHIPPED} == shipped_anywhere() != set()
    page = admin.visit("/admin/mail-templates")
    links = {str(a.get("href")) for a in page.all("a")}
    for letter in SHIPPED:
        assert f"/admin/mail-templates/{letter.name}" in links
        assert letter.about in page.text


@pytest.mark.parametrize("letter", SHIPPED, ids=lambda letter: letter.name)
def test_each_letter_explains_its_placeholders_and_has_samples(letter):
    named = {name for name, _ in letter.placeholders}
    used = set(PLACEHOLDER.findall(letter.subject + letter.body))
    assert used <= named
    assert set(letter.required) <= used
    for lang in ("de", "en"):
        assert named <= set(samples(lang, "http://localhost"))


@pytest.mark.parametrize("letter", SHIPPED, ids=lambda letter: letter.name)
def test_each_letter_has_its_page_and_preview(admin, letter):
    page = admin.visit(f"/admin/mail-templates/{letter.name}")
    for name, _ in letter.placeholders:
        assert f"{{{name}}}" in page.html
    for lang in ("de", "en"):
        answer = admin.post(
            f"/admin/mail-templates/{letter.name}/preview/{lang}", data={"csrf_token": _token(page)}
        )
        assert answer.status_code == 200
        assert not PLACEHOLDER.findall(answer.text.partition("<body")[2])


def test_changed_words_are_sent(app, admin, visitor, run_worker, mails, audited):
    page = admin.visit(RESET)
    admin.send(
        page,
        **{"subject-en": "A fresh start", "body-en": "{greeting}\n\n**Here** it goes: {link}"},
    )
    assert audited() == ["letter.change"]
    form = visitor.visit("/account/reset")
    visitor.send(form, email=admin.email)
    run_worker()
    letter = mails.last(admin.email)
    assert letter["Subject"] == "A fresh start"
    assert "http://localhost/account/reset/" in text_of(letter)
    assert "Changed" in admin.visit("/admin/mail-templates").text


def test_shipped_words_are_not_stored_again(app, admin):
    admin.send(admin.visit(RESET), **{"subject-en": "A fresh start"})
    with app.extensions["portal"].database.session(write=False) as session:
        row = session.scalars(select(LetterText)).one()
        assert (row.subject, row.body) == ({"en": "A fresh start"}, {})


def test_nothing_changed_writes_nothing(admin, audited):
    assert "Nothing was changed." in admin.send(admin.visit(RESET)).text
    assert audited() == []


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"body-en": "Hello without a link"}, "needs the placeholder {link}"),
        ({"body-en": "{link} {name}"}, "placeholder {name} is unknown"),
        ({"subject-en": "Hi {ticket}"}, "placeholder {ticket} is unknown"),
        ({"body-en": "{link}" + "x" * 20_001}, "at most 20000"),
    ],
)
def test_refuses_with_what_was_typed(admin, audited, fields, told):
    page = admin.send(admin.visit(RESET), status=422, **fields)
    assert told in page.text
    assert all(value[:40] in page.html for value in fields.values())
    assert audited() == []


def test_preview_shows_typed_words_and_keeps_nothing(admin, audited):
    page = admin.visit(RESET)
    answer = admin.post(
        RESET,
        data={
            "csrf_token": _token(page),
            "subject-en": "Draft subject",
            "body-en": "{greeting} **bold** {link}",
            "preview": "1",
        },
    )
    assert answer.status_code == 200
    assert "Draft subject" in answer.text
    assert "Hello Alex Example, **bold** http://localhost/account/example" in answer.text
    assert audited() == []


def test_html_preview_stands_alone(admin, audited):
    page = admin.visit(RESET)
    data = {
        "csrf_token": _token(page),
        "body-de": "{greeting} **fett** <script>alert(1)</script> {link}",
    }
    answer = admin.post(f"{RESET}/preview/de", data=data)
    assert answer.status_code == 200
    assert "<strong>fett</strong>" in answer.text
    assert "<script" not in answer.text
    assert "Alex Beispiel" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script" not in policy
    assert audited() == []
    assert admin.post(f"{RESET}/preview/fr", data=data).status_code == 404


def test_reset_asks_first(admin, audited):
    admin.send(admin.visit(RESET), **{"subject-en": "A fresh start"})
    question = admin.follow(admin.visit(RESET), "Back to shipped words")
    page = admin.send(question, "Delete my words")
    assert page.one("input", name="subject-en").get("value") == "Choose a new password"
    assert audited() == ["letter.change", "letter.change"]
    assert "Changed" not in admin.visit("/admin/mail-templates").text


def test_two_who_change_the_same_letter_are_told(admin, sign_in):
    page = admin.visit(RESET)
    other = sign_in("admin")
    other.send(other.visit(RESET), **{"subject-en": "Theirs"})
    again = admin.send(page, status=422, **{"subject-en": "Mine"})
    assert "Somebody changed this template meanwhile" in again.text
    assert again.one("input", name="subject-en").get("value") == "Mine"
    saved = admin.send(again)
    assert saved.one("input", name="subject-en").get("value") == "Mine"


def test_unknown_letter(admin):
    admin.visit("/admin/mail-templates/accounts.nothing", status=404)


def test_only_admins(editor, customer):
    for browser in (editor, customer):
        browser.visit("/admin/mail-templates", status=403)


def test_fill_leaves_unknown_placeholders():
    assert letters.fill("{a} {b}", {"a": "1"}) == "1 {b}"


def _token(page: Page) -> str:
    return next(str(field.get("value")) for field in page.all("input") if field.get("name") == "csrf_token")
