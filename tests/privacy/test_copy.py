"""What is in a copy of a person's data: all that is hers, field by field, and nothing of anybody else."""

from __future__ import annotations

import json
import re
import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any

import html5lib
import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.models import AGENT, PRIVACY_OFFICER, Person
from app.admin.audit_words import ACTIONS
from app.now import now
from app.personal import Export, Kind
from app.privacy import archive, holds, service
from app.privacy.executor import carry_out
from app.privacy.export_document import schema
from app.privacy.export_models import RELEASED, WITHHELD, NoteDecision
from app.privacy.registry import named_parent, rows_of, tables
from app.privacy.taking import THREADS
from app.tickets.models import FIRST_NUMBER, Message, StaffAccess, Ticket
from tests import factories
from tests.privacy import conversation as talk
from tests.privacy.canaries import plant
from tests.privacy.copies import SCHEMA, Copy, faults, written
from tests.privacy.test_executor import RULES, run_worker_letters
from tests.support.pages import words

pytestmark = pytest.mark.both_databases


@pytest.fixture
def portal(app: Flask) -> Any:
    return app.extensions["portal"]


def plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


# --- field by field ----------------------------------------------------------------------------------------------------


def test_every_exported_column_of_hers_and_nothing_of_another(
    app: Flask, portal: Any, tmp_path: Path
) -> None:
    with app.app_context(), portal.database.session(write=True) as session:
        hers = plant(session, "hers")
        plant(session, "other", first_day=10_000)
        session.commit()
    copy = written(portal, hers.person_id, tmp_path)
    checked = 0
    with portal.database.session(write=False) as session:
        for held in tables():
            exported = [column for column, says in held.columns if says.export is not Export.NEVER]
            if held.says.subject is None or not exported:
                continue
            rows = session.execute(
                select(*exported).where(rows_of(held.table, held.says.subject, hers.person_id))
            ).mappings()
            for found, row in zip(rows_in(copy, held.table.name), rows, strict=True):
                for column in exported:
                    value = plain(row[column.name])
                    if named_parent(column) is not None:
                        value = None if value is None else found[column.name]
                        assert value is None or "hers-" in json.dumps(value), column
                    elif f"{held.table.name}.{column.name}" == "staff_access.at":
                        value = value[:10]
                    assert found[column.name] == value, f"{held.table.name}.{column.name}"
                    checked += 1
    assert checked > 60
    assert rows_in(copy, "article") == [{"owner_id": "hers-article_text-title-canary"}]
    text = re.sub(
        r"other-recipient-\w+-canary", "", copy.text
    )  # recipients are the operator's, told to everybody
    assert "other-" not in text
    marked = [one for one in hers.canaries if one.words.startswith("hers-")]
    shown = [one for one in marked if one.says.export is not Export.NEVER]
    assert [f"{one.table}.{one.column}" for one in shown if one.words not in copy.page] == []
    hidden = [one for one in marked if one.says.export is Export.NEVER and one.words in text]
    assert [f"{one.table}.{one.column}" for one in hidden] == []
    assert len([one for one in marked if one.says.kind is Kind.CREDENTIAL]) >= 4
    assert list(faults(copy.document, schema(), schema())) == []


def rows_in(copy: Copy, table: str) -> list[dict[str, Any]]:
    """Rows of one table, wherever they stand in the document."""
    if table not in THREADS:
        return list(copy.document["data"][table])
    own = [one for one in copy.document["conversations"] if one["own"]]
    messages = [said for one in copy.document["conversations"] for said in one["messages"]]
    if table == "ticket":
        return own
    if table == "message":
        return [said for said in messages if said["own"]]
    return [file for said in messages if said["own"] for file in said["files"]]


@pytest.mark.only_sqlite
def test_the_published_schema_is_that_of_the_classification() -> None:
    """After a change of the models: python tools/export_schema.py"""
    assert json.loads(SCHEMA.read_text()) == schema()


@pytest.mark.only_sqlite
def test_the_schema_can_fail() -> None:
    rule = {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    assert list(faults({"a": 1}, rule, rule)) == []
    for wrong in ({"a": "x"}, {}, {"a": 1, "b": 2}, [], {"a": True}):
        assert list(faults(wrong, rule, rule)), wrong


# --- conversations -----------------------------------------------------------------------------------------------------


class Case:
    """Wanda asks, Ada and Bert of the team answer, Otto joins in; Otto has a request of his own, with Wanda in it."""

    def __init__(self, portal: Any) -> None:
        self.portal = portal
        with portal.database.session(write=True) as session:
            self.wanda = factories.person(session, name="Wanda Zaunkönig", email="wanda@zaun.example")
            self.otto = factories.person(session, name="Otto Amsel-Drossel", email="otto@amsel.example")
            self.ada = factories.person(session, AGENT, name="Ada Agent", email="ada@team.example")
            self.bert = factories.person(session, AGENT, name="Bert Agent", email="bert@team.example")
            self.pia = factories.person(session, name="Pia Unbeteiligt", email="pia@elsewhere.example")
            self.talk(session, portal.storage)
            session.commit()

    def talk(self, session: Any, storage: Any) -> None:
        day = now() - timedelta(days=10)
        self.hers = talk.ticket(session, self.wanda, subject="Zaun kaputt", at=day)
        first = talk.message(
            session, self.hers, self.wanda, "Otto Amsel-Drossel saw it.\nWrite to otto@amsel.example."
        )
        self.file = talk.file(session, storage, first, "zaun in a file", "zaun.txt")
        talk.file(session, storage, first, "the same name", "zaun.txt")
        talk.message(
            session,
            self.hers,
            self.ada,
            "> Otto Amsel-Drossel saw it.\n\nDear Wanda Zaunkönig,\n> Pia said in a letter: my illness.\n"
            "We asked Bert Agent and PIA UNBETEILIGT (pia@elsewhere.example).\nAda Agent",
        )
        self.joined = talk.message(session, self.hers, self.otto, "Mine too, says Otto Amsel-Drossel.")
        talk.file(session, storage, self.joined, "ottos file", "otto.txt")
        self.note = talk.message(session, self.hers, self.bert, "geheimnote about her", public=False)
        talk.message(session, self.hers, self.bert, "zurückgenommen", withdrawn_at=day)
        talk.message(session, self.hers, None, "Closed by itself.", auto=True)
        self.his = talk.ticket(session, self.otto, subject="Ottosache", at=day)
        talk.message(session, self.his, self.otto, "ottowort alone")
        talk.message(session, self.his, self.wanda, "I join in, says Wanda.")
        talk.message(session, self.his, self.ada, "Answer to ottowort")
        talk.message(session, self.his, self.ada, "Wanda Zaunkönig called, says Ada.", public=False)
        talk.message(session, self.his, self.ada, "Wanda Zaunkönigin is somebody else.", public=False)
        session.add(StaffAccess(at=day, person_id=self.ada.id, ticket_id=self.hers.id))

    def copy(self, folder: Path, person: Person | None = None, lang: str = "en") -> Copy:
        return written(self.portal, (person or self.wanda).id, folder, lang)


@pytest.fixture
def case(portal: Any) -> Case:
    return Case(portal)


def test_whole_conversations_with_others_masked_by_role(case: Case, tmp_path: Path) -> None:
    copy = case.copy(tmp_path)
    hers, his = copy.document["conversations"]
    assert (hers["number"], hers["own"], hers["subject"]) == (
        case.hers.id + FIRST_NUMBER,
        True,
        "Zaun kaputt",
    )
    assert [(said["author"], said["own"]) for said in hers["messages"]] == [
        ("You", True),
        ("Agent 1", False),
        ("Other person 1", False),
        ("Automatic message", False),
    ]
    own, answer, joined, _ = (said["body"] for said in hers["messages"])
    assert (
        own == "Otto Amsel-Drossel saw it.\nWrite to otto@amsel.example."
    )  # her own words are as she wrote them
    assert answer == (
        "> Other person 1 saw it.\n\nDear Wanda Zaunkönig,\n> [Quote of another person, left out]\n"
        "We asked Agent 2 and Other person 2 (Other person 2).\nAgent 1"
    )
    assert joined == "Mine too, says Other person 1."
    assert [said["body"] for said in his["messages"]] == ["I join in, says Wanda."]
    assert set(his) == {"number", "own", "messages"}
    for secret in (
        "ottowort",
        "Ottosache",
        "my illness",
        "geheimnote",
        "zurückgenommen",
        "pia@",
        "Unbeteiligt",
        "Bert",
    ):
        assert secret.casefold() not in copy.text.casefold(), secret
    assert list(faults(copy.document, schema(), schema())) == []


def test_in_german(case: Case, tmp_path: Path) -> None:
    copy = case.copy(tmp_path, lang="de")
    authors = [said["author"] for said in copy.document["conversations"][0]["messages"]]
    assert authors == ["Sie", "Mitarbeiter 1", "weitere Person 1", "Automatische Nachricht"]
    assert '<html lang="de">' in copy.page
    assert "Kopie Ihrer Daten" in copy.page


def test_files_come_along_under_names_that_are_safe(case: Case, portal: Any, tmp_path: Path) -> None:
    with portal.database.session(write=True) as session:
        message = session.get_one(Message, case.joined.id)
        for name in (
            "../../etc/passwd",
            "C:\\evil.bat",
            "con.txt",
            "Brief von Pia Unbeteiligt.pdf",
            "ä ö%20?.txt",
        ):
            talk.file(session, portal.storage, message, f"content of {name}", name)
        session.commit()
    copy = case.copy(tmp_path)
    assert len(copy.files) == 8
    assert sorted(copy.files.values())[-2:] == [b"the same name", b"zaun in a file"]
    for name in copy.files:
        assert re.fullmatch(rf"attachments/{case.hers.id + FIRST_NUMBER}/\d+-[^/\\:?*]+", name), name
    listed = [file for said in copy.document["conversations"][0]["messages"] for file in said["files"]]
    assert {file["path"] for file in listed} == set(copy.files)
    assert "Brief von Other person 2.pdf" in [file["name"] for file in listed]


def test_a_missing_file_is_named_and_the_rest_is_complete(case: Case, portal: Any, tmp_path: Path) -> None:
    portal.storage.delete(case.file.storage_key)
    copy = case.copy(tmp_path)
    first, second = copy.document["conversations"][0]["messages"][0]["files"]
    assert (first["name"], first["path"], first["missing"]) == ("zaun.txt", None, True)
    assert copy.files[second["path"]] == b"the same name"
    assert "this file is missing in our storage" in copy.page


def test_internal_notes_are_held_back_and_named(case: Case, portal: Any, tmp_path: Path) -> None:
    copy = case.copy(tmp_path)
    notes = copy.document["internal_notes"]
    number = case.hers.id + FIRST_NUMBER
    assert [(note["request"], note["author"], note["state"]) for note in notes] == [
        (number, "Agent 2", "held_back"),
        (number, "Agent 2", "held_back"),
        (None, "Agent 1", "held_back"),
    ]
    assert all(note["text"] == "" and note["why"] for note in notes)
    assert copy.held_back == 3
    with portal.database.session(write=True) as session:
        officer = factories.person(session, PRIVACY_OFFICER)
        wanted = Message.body.in_(["geheimnote about her", "zurückgenommen"])
        first, second = session.scalars(select(Message).where(wanted).order_by(Message.id)).all()
        decided = {"person_id": case.wanda.id, "decided_by_id": officer.id, "decided_at": now()}
        session.add(
            NoteDecision(
                **decided, message_id=first.id, state=RELEASED, text="She is right, says Bert Agent."
            )
        )
        session.add(NoteDecision(**decided, message_id=second.id, state=WITHHELD, reason="Never sent."))
        session.commit()
    copy = case.copy(tmp_path)
    assert [(note["state"], note["text"], note["why"]) for note in copy.document["internal_notes"]][:2] == [
        ("released", "She is right, says Agent 2.", ""),
        ("withheld", "", "Never sent."),
    ]
    assert copy.held_back == 1


def test_looks_of_the_team_say_day_and_role_only(case: Case, tmp_path: Path) -> None:
    (look,) = case.copy(tmp_path).document["data"]["staff_access"]
    day = (now() - timedelta(days=10)).date().isoformat()
    assert look == {"at": day, "role": "agent", "request": case.hers.id + FIRST_NUMBER}


def test_two_in_one_thread(case: Case, portal: Any, tmp_path: Path) -> None:
    """Erasing Wanda takes her words out of Otto's copy; all else reads as before."""
    before = case.copy(tmp_path, case.otto).document
    with portal.database.session(write=True) as session:
        request = service.request_deletion(session, case.wanda.id, rules=RULES, grace=timedelta(0), now=now())
        session.commit()
    carry_out(portal, request.id)
    run_worker_letters(portal)
    assert carry_out(portal, request.id) == "done"
    after = case.copy(tmp_path, case.otto).document
    for document in (before, after):
        del document["made_at"], document["internal_notes"]
    (thread,) = [one for one in before["conversations"] if one["own"]]
    (said,) = [said for said in thread["messages"] if "Wanda" in said["body"]]
    assert said["author"] == "Other person 1"
    said["body"] = ""
    assert after == before


def test_restricted_or_held_data_are_hers_all_the_same(case: Case, portal: Any, tmp_path: Path) -> None:
    with portal.database.session(write=True) as session:
        first, second = (factories.person(session, "admin").id for _ in range(2))
        hold = holds.propose(
            session, address=case.wanda.email, number=None, ground="dispute", reason="Court",
            review_on=(now() + timedelta(days=30)).date(), actor_id=first, now=now(),
        )  # fmt: skip
        holds.confirm(session, hold.public_id, actor_id=second, now=now())
        session.get_one(Ticket, case.hers.id).restricted_at = now()
        session.commit()
    copy = case.copy(tmp_path)
    assert copy.document["conversations"][0]["subject"] == "Zaun kaputt"
    assert copy.document["data"]["legal_hold"] == [{"ground": "dispute", "request": None}]
    assert "Court" not in copy.text


def test_what_somebody_of_the_team_wrote_at_work_names_no_customer(case: Case, tmp_path: Path) -> None:
    copy = case.copy(tmp_path, case.ada)
    bodies = [said["body"] for one in copy.document["conversations"] for said in one["messages"]]
    assert "Other person 2 called, says Ada." in bodies
    assert len(bodies) == 4
    for name in ("Dear Wanda", "Otto Amsel-Drossel", "pia@elsewhere.example", "Bert Agent"):
        assert name not in copy.text, name


@pytest.mark.only_sqlite
def test_the_page_is_whole_without_the_internet(case: Case, tmp_path: Path) -> None:
    page = parsed(case.copy(tmp_path).page)
    assert not {"script", "link", "img", "iframe", "form"} & {one.tag for one in page.iter()}
    assert not [one for one in page.iter() if {"style", "onclick"} & set(one.attrib)]
    links = [one.get("href", "") for one in page.iter("a")]
    assert all(link.startswith(("#", "attachments/")) for link in links)
    ids = [one.get("id") for one in page.iter() if one.get("id")]
    assert len(ids) == len(set(ids))
    assert len(links) > 5
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)


def parsed(page: str) -> Any:
    return html5lib.parse(page, treebuilder="etree", namespaceHTMLElements=False)


@pytest.mark.only_sqlite
def test_markup_in_texts_stays_text(case: Case, portal: Any, tmp_path: Path) -> None:
    with portal.database.session(write=True) as session:
        session.get_one(Ticket, case.hers.id).subject = "<script>alert(1)</script>"
        session.get_one(Message, case.joined.id).body = "</div><img src=x onerror=alert(1)>"
        session.commit()
    page = parsed(case.copy(tmp_path).page)
    assert not {"script", "img"} & {one.tag for one in page.iter()}
    assert "<script>alert(1)</script>" in words(page)


@pytest.mark.only_sqlite
def test_memory_does_not_grow_with_what_there_is(portal: Any, tmp_path: Path) -> None:
    def peak(count: int) -> int:
        with portal.database.session(write=True) as session:
            person = factories.person(session)
            for number in range(count):
                ticket = talk.ticket(session, person, subject=f"Request {number}")
                talk.message(session, ticket, person, "word " * 4000)
            session.commit()
        tracemalloc.start()
        archive.write(tmp_path / "big.zip", portal, person.id, "en", actions=ACTIONS, now=now())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(2)  # what is made once
    few, many = peak(25), peak(85)
    assert many < few + 400_000  # the texts that came in between are 1.2 MB, and stand in it twice
