"""The record of processing and the staff sheet say what the models say, in both languages, and nothing is left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

import app.tables  # noqa: F401  (loads every model)
from app.i18n import gettext_in
from app.personal import Purpose
from app.privacy import recipients, record
from app.privacy.record import CUSTOMERS, EVERYBODY, TEAM
from app.privacy.registry import tables
from tests import factories
from tests.support.pages import Browser

DOCS = Path(__file__).parents[2] / "docs"
FILES = {"de": DOCS / "record-of-processing.de.md", "en": DOCS / "record-of-processing.md"}


@pytest.mark.parametrize("lang", FILES)
def test_the_printed_record_is_the_one_of_the_models(lang: str) -> None:
    """P8. Write it anew with: python -m tests.privacy.test_record"""
    assert FILES[lang].read_text() == record.as_markdown(record.record(), gettext_in(lang)), (
        "python -m tests.privacy.test_record"
    )


def test_every_personal_column_stands_in_the_record() -> None:
    held = {
        (one.table.name, says.purpose.slug)
        for one in tables()
        for _, says in one.columns
        if says.purpose is not None
    }
    said = {(group.table, one.slug) for one in record.record().activities for group in one.data}
    assert held == said
    assert len(held) > 25
    assert [one.slug for one in record.record().activities] == [purpose.slug for purpose in Purpose]


def test_it_is_known_whose_data_every_column_holds() -> None:
    for one in tables():
        for column, says in one.columns:
            if one.says.subject or says.subject:
                assert record.whose(one.table.name, one.says, says) in (CUSTOMERS, TEAM, EVERYBODY), (
                    f"{one.table.name}.{column.name}"
                )


def test_everything_in_it_has_words_in_german() -> None:
    say = gettext_in("de")
    found = record.record()
    words = {one.purpose for one in found.activities} | set(found.measures)
    for one in found.activities:
        for group in one.data:
            words |= {group.label, group.fate, *group.kinds, *group.columns, *group.persons, *group.terms}
    same = {"Name", "Text", "Status", "Export", "Version", "Team", "Organisation"}
    assert sorted(word for word in words if say(word) == word and word not in same) == []


def test_the_command_prints_both_forms(app: Flask) -> None:
    runner = app.test_cli_runner()
    with app.extensions["portal"].database.session(write=True) as session:
        admin = factories.person(session, "admin")
        recipients.save(
            session, None, name="Rechenhaus GmbH", purpose={"de": "Betrieb", "en": "Hosting"},
            country="Austria", contract_on=None, actor_id=admin.id, now=admin.created_at,
        )  # fmt: skip
        session.commit()
    plain = runner.invoke(args=["privacy", "map", "--lang", "en"])
    assert plain.exit_code == 0, plain.output
    assert "- Rechenhaus GmbH, Austria: Hosting" in plain.output
    as_json = json.loads(runner.invoke(args=["privacy", "map", "--format", "json", "--lang", "de"]).output)
    assert as_json["recipients"][0]["purpose"] == "Betrieb"
    assert as_json["activities"][0]["legal_basis"] == "Art. 6(1)(b) DSGVO"
    sheet = runner.invoke(args=["privacy", "staff-sheet", "--lang", "en"])
    assert sheet.exit_code == 0
    assert "When our team looked at your requests" in sheet.output
    assert "Changes you made" in sheet.output
    assert "Your consents" not in sheet.output or "Everybody" not in sheet.output


def test_every_command_of_the_contract_is_there(app: Flask) -> None:
    told = app.test_cli_runner().invoke(args=["privacy", "--help"]).output
    for name in (
        "erase",
        "export",
        "find",
        "map",
        "replay",
        "retention",
        "staff-sheet",
        "verify-certificate",
    ):
        assert f"\n  {name} " in told, name


def test_the_page_shows_the_record_and_the_list_of_recipients(sign_in: Callable[..., Browser]) -> None:
    officer = sign_in("privacy_officer")
    page = officer.visit("/admin/privacy/recipients")
    form = officer.follow(page, "New recipient")
    bad = officer.send(form, "Save", status=422, name="", country="")
    assert "Enter a name." in bad.summary
    done = officer.send(
        form, "Save", name="Mailhaus AG", country="Switzerland", contract_on="2026-01-31",
        **{"purpose-de": "Mailversand", "purpose-en": "Sending mail"},
    )  # fmt: skip
    assert "Mailhaus AG" in done.text
    told: Any = officer.visit("/admin/privacy/map")
    assert "Mailhaus AG, Switzerland: Sending mail" in told.text
    assert "To answer your requests" in told.text
    for kind, starts in (("md", b"# Record of processing"), ("json", b"{")):
        answer = officer.get(f"/admin/privacy/map?format={kind}", headers={"Accept-Language": "en"})
        assert answer.data.startswith(starts)
        assert "attachment" in answer.headers["Content-Disposition"]
    customer = sign_in("customer")
    assert "Mailhaus AG" in customer.visit("/privacy/").text
    assert customer.get("/admin/privacy/map").status_code == 403
    row = officer.visit(done.link("Mailhaus AG"))
    assert "Mailhaus AG" not in officer.send(row, "/deletion").text


if __name__ == "__main__":
    for lang, file in FILES.items():
        file.write_text(record.as_markdown(record.record(), gettext_in(lang)))
