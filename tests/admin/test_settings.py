"""The page of settings: typed fields, only what was changed is written, each change audited."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from app import preferences
from app.audit import AuditEntry
from app.now import now
from app.preferences import PREFERENCES, Preferences
from tests.support.pages import Page, words


@pytest.fixture
def stored(app: Flask):
    def read() -> Preferences:
        with app.extensions["portal"].database.session(write=False) as session:
            return Preferences.read(session)

    return read


@pytest.fixture
def entries(app: Flask):
    def read() -> list[tuple[int | None, dict[str, object]]]:
        with app.extensions["portal"].database.session(write=False) as session:
            rows = session.execute(
                select(AuditEntry.actor_id, AuditEntry.details).where(
                    AuditEntry.action == "preference.change"
                )
            )
            return [(actor, details) for actor, details in rows]

    return read


def change(app: Flask, name: str, value: object) -> None:
    with app.extensions["portal"].database.session(write=True) as session:
        preferences.change(session, name, value, actor_id=None, now=now())
        session.commit()


def hint_of(page: Page, name: str) -> str:
    return words(page.one("p", id=f"{name}-hint"))


def test_every_setting_has_its_field(admin):
    page = admin.visit("/admin/settings")
    names = {field.get("name") for field in page.all("input")}
    for preference in PREFERENCES:
        if preference.kind == "localised":
            assert {f"{preference.name}-de", f"{preference.name}-en"} <= names
        else:
            assert preference.name in names


def test_hint_says_unit_and_bounds(admin):
    page = admin.visit("/admin/settings")
    assert hint_of(page, "period_reset_minutes") == "In minutes, from 5 to 1,440."


def test_writes_and_audits_only_what_changed(admin, stored, entries):
    page = admin.visit("/admin/settings")
    page = admin.send(page, period_reset_minutes="45", **{"company_name-de": "Hilfe der Rösterei"})
    assert "2 settings were changed." in page.text
    assert stored()["period_reset_minutes"] == 45
    assert stored()["company_name"] == {"de": "Hilfe der Rösterei", "en": "Help"}
    assert sorted((actor, details["name"], details["to"]) for actor, details in entries()) == [
        (admin.person_id, "company_name", {"de": "Hilfe der Rösterei", "en": "Help"}),
        (admin.person_id, "period_reset_minutes", 45),
    ]


def test_nothing_changed_writes_nothing(admin, entries):
    assert "Nothing was changed." in admin.send(admin.visit("/admin/settings")).text
    assert entries() == []


def test_switch_can_be_turned_off_and_on(admin, stored):
    def send(**fields: str) -> None:
        page = admin.visit("/admin/settings")
        data = {
            f.get("name"): f.get("value") for f in page.form().iter("input") if f.get("type") != "checkbox"
        }
        answer = admin.post("/admin/settings", data={**data, **fields})
        assert answer.status_code == 303

    send()
    assert stored()["sign_up_open"] is False
    send(sign_up_open="y")
    assert stored()["sign_up_open"] is True


@pytest.mark.parametrize(
    ("name", "typed", "told"),
    [
        ("period_reset_minutes", "4", "from 5 to 1440"),
        ("period_reset_minutes", "1441", "from 5 to 1440"),
        ("period_reset_minutes", "", "Enter a whole number"),
        ("period_reset_minutes", "half an hour", "Not a valid integer value"),
        ("company_name-en", "", "Enter the text in this language too."),
        ("company_name-en", "x" * 201, "at most 200"),
    ],
)
def test_refuses_with_what_was_typed(admin, stored, entries, name, typed, told):
    page = admin.send(admin.visit("/admin/settings"), status=422, period_draft_days="31", **{name: typed})
    assert told in page.text
    assert page.one("input", name=name).get("value", "") == typed
    assert page.one("input", name="period_draft_days").get("value") == "31"
    assert page.title.startswith("Error:")
    assert entries() == []
    assert stored()["period_draft_days"] == 30


def test_what_somebody_else_changed_meanwhile_stays(app, admin, stored):
    page = admin.visit("/admin/settings")
    change(app, "period_draft_days", 99)
    admin.send(page, period_reset_minutes="45")
    assert (stored()["period_draft_days"], stored()["period_reset_minutes"]) == (99, 45)


def test_two_who_change_the_same_setting_are_told(app, admin, stored, entries):
    page = admin.visit("/admin/settings")
    change(app, "period_reset_minutes", 99)
    again = admin.send(page, status=422, period_reset_minutes="45", period_draft_days="31")
    assert "Somebody changed this setting meanwhile" in again.text
    assert (stored()["period_reset_minutes"], stored()["period_draft_days"]) == (99, 30)
    admin.send(again)
    assert (stored()["period_reset_minutes"], stored()["period_draft_days"]) == (45, 31)


def test_damaged_memory_of_the_form_counts_as_none(admin, stored):
    admin.send(admin.visit("/admin/settings"), shown="[1", period_reset_minutes="45")
    assert stored()["period_reset_minutes"] == 45


def test_only_admins(editor, customer, sign_in):
    for browser in (editor, customer, sign_in("privacy_officer")):
        browser.visit("/admin/settings", status=403)


def test_one_language_keeps_the_others_texts(app, admin, stored):
    app.extensions["portal"].__dict__["languages"] = ("en",)  # as if PORTAL_LANGUAGES=en
    admin.send(admin.visit("/admin/settings"), **{"company_name-en": "Desk"})
    assert stored()["company_name"] == {"de": "Hilfe", "en": "Desk"}
