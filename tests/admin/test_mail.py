"""Captured mail: readable on this host during a trial, nowhere else."""

from __future__ import annotations

import os

import pytest
from flask import Flask

from app.letters import Message
from app.mail import CaptureTransport
from tests.support.pages import words

HOME = {"base_url": "http://localhost"}
demo = pytest.mark.settings(PORTAL_DEMO="1")


@pytest.fixture
def capture(app: Flask):
    folder = app.extensions["portal"].captured_mail_dir

    def write(key: str, *, age: int = 0, **given: str) -> str:
        message = Message(
            **{
                "to": "jo@example.org",
                "subject": f"Letter {key}",
                "text": "Hello",
                "html": "<p>Hello</p>",
                "lang": "en",
                "headers": {"From": "help@localhost", "Content-Language": "en"},
                **given,
            }
        )
        CaptureTransport(folder).send(message, key=key)
        path = folder / f"{key}.eml"
        os.utime(path, (path.stat().st_mtime - age,) * 2)
        return key

    return write


@demo
def test_list_and_letter(visitor, capture):
    capture("a1", age=60, subject="Größe bestätigen", to="jörg@example.org".replace("ö", "oe"))
    capture("b2", subject="Newer")
    page = visitor.visit("/mail/", **HOME)
    subjects = [words(a) for a in page.one("tbody").iter("a")]
    assert subjects == ["Newer", "Größe bestätigen"]
    page = visitor.visit("/mail/a1", **HOME)
    assert "joerg@example.org" in page.text
    assert page.title.startswith("Größe bestätigen")


@demo
def test_empty(visitor):
    assert "No letters yet" in visitor.visit("/mail/", **HOME).text


@demo
def test_own_links_can_be_followed_and_others_not(visitor, capture):
    text = "Confirm: http://localhost/account/sign-up/T-k_3n. Or see http://evil.example/x <b>bold</b>"
    capture("a1", text=text)
    page = visitor.visit("/mail/a1", **HOME)
    (block,) = page.all("pre")
    assert [a.get("href") for a in block.iter("a")] == ["/account/sign-up/T-k_3n"]
    assert words(block) == text


@demo
def test_html_part_is_cut_off(visitor, capture):
    capture("a1", html="<p style='color:red'>Hi</p><script>alert(1)</script>")
    answer = visitor.get("/mail/a1/html", base_url="http://localhost")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script-src" not in policy
    assert "allow-" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@demo
def test_pages_by_key(visitor, capture):
    for number in range(60):
        capture(f"k{number:02}", age=(60 - number) // 3)
    page, seen = visitor.visit("/mail/", **HOME), []
    while True:
        seen += [words(a) for a in page.one("tbody").iter("a")]
        following = [a.get("href") for a in page.all("a", rel="next")]
        if not following:
            break
        page = visitor.visit(following[0], **HOME)
    assert seen == [f"Letter k{number:02}" for number in range(59, -1, -1)]
    page = visitor.visit(page.link("Back"), **HOME)
    assert words(next(page.one("tbody").iter("a"))) == "Letter k34"
    page = visitor.visit(page.link("Back"), **HOME)
    assert words(next(page.one("tbody").iter("a"))) == "Letter k59"
    assert not page.all("a", rel="prev")


@demo
@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "http://help.example.org"},
        {"base_url": "http://localhost", "headers": {"X-Forwarded-For": "127.0.0.1"}},
        {"base_url": "http://localhost", "headers": {"Forwarded": "for=127.0.0.1"}},
        {"base_url": "http://localhost", "headers": {"Via": "1.1 proxy"}},
        {"base_url": "http://localhost", "environ_base": {"REMOTE_ADDR": "192.0.2.7"}},
    ],
    ids=["host", "x-forwarded-for", "forwarded", "via", "peer"],
)
@pytest.mark.parametrize("path", ["/mail/", "/mail/a1", "/mail/a1/html"])
def test_nowhere_else(visitor, admin, capture, path, options):
    capture("a1")
    assert visitor.get(path, base_url="http://localhost").status_code == 200
    for browser in (visitor, admin):
        assert browser.get(path, **options).status_code == 404


def test_not_without_the_demo(visitor, capture):
    capture("a1")
    for path in ("/mail/", "/mail/a1", "/mail/a1/html"):
        assert visitor.get(path, base_url="http://localhost").status_code == 404


@pytest.mark.settings(PORTAL_DEMO="1", PORTAL_MAIL_URL="smtp://127.0.0.1:1")
def test_not_when_mail_is_sent(visitor, capture):
    capture("a1")
    assert visitor.get("/mail/", base_url="http://localhost").status_code == 404


@demo
@pytest.mark.parametrize("key", ["nothing", "..%2Fsecret-key", "a1.eml", "%2e%2e", "a" * 200])
def test_unknown_letters(visitor, capture, key):
    capture("a1")
    assert visitor.get(f"/mail/{key}", base_url="http://localhost").status_code == 404
