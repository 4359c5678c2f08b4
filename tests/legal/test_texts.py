"""Imprint, privacy notice, accessibility and contact: shipped, published by admins, every version kept."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from app.audit import AuditEntry
from app.db import Database
from app.errors import Conflict, Refused
from app.legal import queries, service
from app.legal.models import LegalText
from tests.support.pages import words

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TITLES = {
    "imprint": ("Legal notice", "Impressum"),
    "privacy-notice": ("Privacy notice", "Datenschutz"),
    "accessibility": ("Accessibility", "Barrierefreiheit"),
    "contact": ("Contact", "Kontakt"),
}


def publish(session, body="Our text.", page="imprint", lang="en", based_on=0, **given):
    return service.publish(
        session, page, lang, body, based_on=based_on, actor_id=given.pop("actor_id", None), now=NOW, **given
    )


# --- what readers see ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", queries.PAGES)
@pytest.mark.parametrize("lang", ["en", "de"])
def test_each_page_has_shipped_words_in_each_language(visitor, page, lang):
    visitor.lang = lang
    shown = visitor.visit(f"/{page}")
    assert words(shown.one("h1")) == TITLES[page][lang == "de"]
    assert shown.tree.get("lang") == lang
    assert len(shown.text) > 100


def test_reachable_from_every_page(visitor):
    links = {str(a.get("href")) for a in visitor.visit("/account/sign-in").all("a")}
    assert {f"/{page}" for page in queries.PAGES} <= links


def test_links_between_pages_lead_somewhere(visitor):
    for page in queries.PAGES:
        for link in visitor.visit(f"/{page}").one("main").iter("a"):
            address = str(link.get("href"))
            if address.startswith("/"):
                visitor.visit(address)


def test_answered_by_etag_to_readers_without_a_cookie(visitor):
    first = visitor.get("/imprint")
    assert "Set-Cookie" not in first.headers
    again = visitor.get("/imprint", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


def test_published_text_is_shown_with_its_version(visitor, admin):
    form = admin.visit("/admin/legal/imprint/en")
    admin.send(form, button="Publish", body="## Company\n\nRoastery **Ltd**\n\n<script>alert(1)</script>")
    shown = visitor.visit("/imprint")
    assert "Version 1 of" in shown.text
    assert words(shown.one("strong")) == "Ltd"
    assert words(shown.one("h2")) == "Company"
    assert not list(shown.one("main").iter("script"))
    visitor.lang = "de"
    assert "Roastery" not in visitor.visit("/imprint").text


def test_unknown_pages(visitor, admin):
    visitor.visit("/imprints", status=404)
    for path in ("imprint/fr", "other/en", "imprint/en/versions/7"):
        admin.visit(f"/admin/legal/{path}", status=404)


# --- publishing ------------------------------------------------------------------------------------------------------


def test_versions_are_kept(admin):
    page = admin.send(admin.visit("/admin/legal/contact/en"), button="Publish", body="First.")
    page = admin.send(page, button="Publish", body="Second.")
    assert page.one("textarea", name="body").text.strip() == "Second."
    assert "First." in admin.follow(page, "Version 1").text
    assert "Version 2" in admin.visit("/admin/legal").text


def test_preview_publishes_nothing(admin, visitor):
    form = admin.visit("/admin/legal/contact/en")
    token = next(f.get("value") for f in form.all("input") if f.get("name") == "csrf_token")
    data = {"csrf_token": token, "body": "**Bold** <b>x</b>", "based_on": "0"}
    answer = admin.post("/admin/legal/contact/en", data={**data, "preview": "1"})
    assert answer.status_code == 200
    assert "<strong>Bold</strong>" in answer.text
    fragment = admin.post("/admin/legal/preview", data=data)
    assert fragment.text.strip() == "<p><strong>Bold</strong> &lt;b&gt;x&lt;/b&gt;</p>"
    assert "Bold" not in visitor.visit("/contact").text


@pytest.mark.parametrize(("body", "told"), [("", "Enter the text."), ("x" * 100_001, "at most 100000")])
def test_refuses_with_what_was_typed(admin, body, told):
    page = admin.send(admin.visit("/admin/legal/contact/en"), button="Publish", status=422, body=body)
    assert told in page.text
    assert (page.one("textarea", name="body").text or "").strip() == body


def test_two_who_publish_are_told_and_lose_nothing(admin, sign_in):
    mine = admin.visit("/admin/legal/contact/en")
    other = sign_in("privacy_officer")
    other.send(other.visit("/admin/legal/contact/en"), button="Publish", body="Theirs.")
    page = admin.send(mine, button="Publish", status=422, body="Mine.")
    assert "Somebody published another version meanwhile" in page.text
    assert page.one("textarea", name="body").text.strip() == "Mine."


def test_who_may(editor, customer, visitor):
    editor.visit("/admin/legal", status=403)
    customer.visit("/admin/legal/contact/en", status=403)
    assert "Sign in" in visitor.visit("/admin/legal").title


def test_entry_in_the_audit_log(database: Database):
    with database.session(write=True) as session:
        text = publish(session, through="command line")
        entry = session.scalars(select(AuditEntry)).one()
        assert (entry.action, entry.object_id, entry.through) == (
            "legal_text.publish",
            text.id,
            "command line",
        )
        assert entry.details == {"name": "imprint", "lang": "en", "version": 1}


def test_same_text_and_old_base_are_refused(database: Database):
    with database.session(write=True) as session:
        publish(session)
        with pytest.raises(Refused):
            publish(session, based_on=1)
        with pytest.raises(Conflict):
            publish(session, "Another.", based_on=0)
        assert publish(session, "Another.", based_on=1).version == 2


def test_of_many_at_once_one_publishes(database: Database):
    outcomes: list[str] = []

    def attempt(number: int) -> None:
        with database.session(write=True) as session:
            try:
                publish(session, f"Text {number}.")
                session.commit()
            except Conflict:
                outcomes.append("conflict")
            else:
                outcomes.append("published")

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict"] * 5 + ["published"]
    with database.session(write=False) as session:
        assert session.scalar(select(func.count()).select_from(LegalText)) == 1
        assert queries.current(session, "imprint", "en").version == 1


def test_few_statements(visitor, statements):
    visitor.visit("/imprint")
    with statements() as sent:
        visitor.visit("/imprint")
    assert len(sent) <= 4, "\n".join(sent)
