"""A copy of one's own data at the door: proof of identity, progress, fetching it, and every odd situation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.accounts.models import Person
from app.audit import AuditEntry
from app.now import now
from app.privacy import building, copies, export, service
from app.privacy.copies import ExportSink
from app.privacy.export_models import BUILDING, READY, REMOVED, DataExport, NoteDecision
from app.privacy.models import DONE, FAILED, OPEN, RUNNING, WITHDRAWN, JobStep, PrivacyRequest
from app.privacy.sinks import Subject
from app.tickets.models import Message, StaffAccess
from tests import factories
from tests.factories import PASSWORD
from tests.privacy import conversation as talk
from tests.privacy.copies import opened, ready
from tests.support.mailbox import Mailbox, link_in, text_of
from tests.support.pages import Browser

SECRET = "a key that only tests use, long enough"


@pytest.fixture
def portal(app: Flask) -> Any:
    return app.extensions["portal"]


def rows(portal: Any) -> list[DataExport]:
    with portal.database.session(write=False) as session:
        return list(session.scalars(select(DataExport).order_by(DataExport.id)))


def states(portal: Any) -> list[str]:
    with portal.database.session(write=False) as session:
        return list(session.scalars(select(PrivacyRequest.state).order_by(PrivacyRequest.id)))


def archives(portal: Any) -> list[str]:
    return sorted(path.name for path in copies.folder_of(portal).glob("*"))


def ask(browser: Browser, **fields: str) -> Any:
    return browser.send(
        browser.visit("/privacy/exports"), "/privacy/exports", **({"current": PASSWORD} | fields)
    )


def address(portal: Any, number: int = -1) -> str:
    return f"/privacy/exports/{export.name_of(rows(portal)[number], SECRET)}"


def note(portal: Any, person_id: int, body: str = "She is difficult, says Bert Boot.") -> str:
    """An internal note in a request of hers; gives its public id."""
    with portal.database.session(write=True) as session:
        person = session.get_one(Person, person_id)
        bert = factories.person(session, "agent", name="Bert Boot")
        ticket = talk.ticket(session, person, subject="Hers")
        talk.message(session, ticket, person, "A question.")
        made = talk.message(session, ticket, bert, body, public=False)
        session.commit()
        return made.public_id


# --- the whole way -----------------------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_from_my_data_to_the_download_in_three_clicks(
    customer: Browser, portal: Any, run_worker: Callable[[], int], mails: Mailbox
) -> None:
    page = customer.follow(customer.visit("/privacy/"), "Take a copy")
    page = customer.send(page, "Make the copy", current=PASSWORD)
    assert "Your copy is being made" in page.text
    assert page.path == address(portal)
    assert page.one("section", id="copy").get("hx-get") == f"{page.path}/progress"
    run_worker()
    part = customer.visit(f"{page.path}/progress")
    assert "Your copy is ready" in part.html
    (link,) = [a.get("href") for a in part.all("a")]
    answer = customer.get(link, buffered=True)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=my-data-")
    assert answer.mimetype == "application/zip"
    assert opened(answer.data).document["data"]["person"][0]["email"] == customer.email
    (row,) = rows(portal)
    assert (row.state, row.downloads) == (READY, 1)
    assert row.expires_at == row.made_at + timedelta(hours=72)
    assert copies.path_of(portal, row.file_key).stat().st_mode & 0o777 == 0o600
    with portal.database.session(write=False) as session:
        noted = session.execute(select(AuditEntry.action, AuditEntry.actor_id, AuditEntry.object_kind)).all()
    assert ("privacy.download", customer.person_id, "data_export") in [tuple(one) for one in noted]
    letter = text_of(mails.last(customer.email))
    assert link_in(mails.last(customer.email)) == "http://localhost/privacy/exports"
    assert row.public_id not in letter
    assert states(portal) == [DONE]
    overview = customer.visit("/privacy/exports")
    assert "Your copy is ready" in overview.text
    assert "Last downloaded" in overview.text


def test_progress_is_shown_while_it_is_made(customer: Browser, portal: Any) -> None:
    ask(customer)
    with portal.database.session(write=True) as session:
        session.execute(update(PrivacyRequest).values(progress_done=30, progress_total=120))
        session.commit()
    page = customer.visit("/privacy/exports")
    assert "30 of 120 messages and files" in page.text
    assert (page.one("progress").get("value"), page.one("progress").get("max")) == ("30", "120")
    assert not page.all("form", action="/privacy/exports")  # it works without scripts: the link looks again
    assert page.link("Look again") == "/privacy/exports"


def test_asked_twice_it_is_the_same(customer: Browser, portal: Any) -> None:
    form = customer.visit("/privacy/exports")
    for _ in range(2):
        customer.send(form, "/privacy/exports", current=PASSWORD)
    assert len(rows(portal)) == 1


def test_a_newer_copy_replaces_the_older_one(
    customer: Browser, portal: Any, run_worker: Callable[[], int]
) -> None:
    for _ in range(2):
        ask(customer)
        run_worker()
    assert [row.state for row in rows(portal)] == [REMOVED, READY]
    assert archives(portal) == [f"{rows(portal)[1].file_key}.zip"]
    assert "not there any more" in customer.visit(address(portal, 0), status=410).text


# --- who may ask and fetch ---------------------------------------------------------------------------------------------


def test_a_stolen_session_gets_no_copy(customer: Browser, portal: Any) -> None:
    page = customer.send(customer.visit("/privacy/exports"), "/privacy/exports", status=422, current="wrong")
    assert "password is wrong" in page.text
    customer.send(customer.visit("/privacy/exports"), "/privacy/exports", status=422, current="")
    assert rows(portal) == []


def test_nobody_else_fetches_it(
    customer: Browser,
    sign_in: Callable[..., Browser],
    visitor: Browser,
    portal: Any,
    run_worker: Callable[[], int],
) -> None:
    ask(customer)
    run_worker()
    path = address(portal)
    for role in ("customer", "agent", "admin", "privacy_officer"):
        other = sign_in(role)
        other.visit(path, status=404)
        other.visit(f"{path}/progress", status=404)
    stranger = visitor.get(path, buffered=True)
    assert (stranger.status_code, stranger.headers["Location"]) == (303, "/privacy/")
    visitor.visit(f"{path}/progress", status=404)
    row = rows(portal)[0]
    signature = path.rpartition(".")[2]
    for guessed in (
        row.public_id,
        f"{row.public_id}.",
        f"{row.public_id}.{'0' * 32}",
        f"{row.public_id}.{signature[:-1]}ü",
        f"{rows(portal)[0].id}.{signature}",
        row.file_key,
        f"{row.file_key}.zip",
        "..%2f..%2fportal.db",
    ):
        customer.visit(f"/privacy/exports/{guessed}", status=404)
    assert customer.get(path, buffered=True).status_code == 200
    assert rows(portal)[0].downloads == 1


def test_a_look_at_the_head_is_no_download(
    customer: Browser, portal: Any, run_worker: Callable[[], int]
) -> None:
    ask(customer)
    run_worker()
    assert customer.head(address(portal), buffered=True).status_code == 200
    assert rows(portal)[0].downloads == 0


def test_a_guest_comes_by_a_link(
    visitor: Browser, portal: Any, run_worker: Callable[[], int], mails: Mailbox
) -> None:
    with portal.database.session(write=True) as session:
        guest = factories.person(session, email="gusti@example.org", password_hash=None, proved_at=None)
        talk.message(session, talk.ticket(session, guest), guest, "As a guest.")
        session.commit()
    visitor.send(visitor.visit("/privacy/exports"), "/privacy/link", email="gusti@example.org")
    run_worker()
    link = link_in(mails.last("gusti@example.org"), "/privacy/link/").removeprefix("http://localhost")
    visitor.send(visitor.visit(link), "Show my data")
    page = visitor.visit("/privacy/exports")
    assert not page.all("input", type="password")
    visitor.send(page, "Make the copy")
    run_worker()
    answer = visitor.get(address(portal), buffered=True)
    assert opened(answer.data).document["conversations"][0]["messages"][0]["body"] == "As a guest."
    assert mails.last("gusti@example.org")["Subject"] == "The copy of your data is ready"


def test_in_time_it_is_removed(
    customer: Browser, portal: Any, run_worker: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(customer)
    run_worker()
    path = address(portal)
    with portal.database.session(write=True) as session:
        session.execute(update(DataExport).values(expires_at=now()))
        session.commit()
    assert "not there any more" in customer.visit(path, status=410).text  # at once, also before the sweep
    stray = copies.folder_of(portal) / f"{'a' * 32}.zip"
    stray.write_bytes(b"of no copy")
    remains = copies.folder_of(portal) / f"{'b' * 32}.1234.part"
    remains.write_bytes(b"of a dead process")
    with portal.database.session(write=False) as session:
        building.sweep(session, now(), portal)
    assert archives(portal) == []
    assert rows(portal)[0].state == REMOVED
    customer.visit(path, status=410)


def test_a_file_that_is_gone_is_no_fault(
    customer: Browser, portal: Any, run_worker: Callable[[], int]
) -> None:
    """A restored backup has rows of copies, and no archives."""
    ask(customer)
    run_worker()
    copies.path_of(portal, rows(portal)[0].file_key).unlink()
    customer.visit(address(portal), status=410)
    assert rows(portal)[0].downloads == 0


# --- faults ------------------------------------------------------------------------------------------------------------


def test_a_full_disk_is_told_and_tried_again(
    customer: Browser, portal: Any, run_worker: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.privacy import archive

    def full(*_: Any, **__: Any) -> int:
        raise OSError(28, "No space left on device")

    ask(customer)
    with monkeypatch.context() as patched:
        patched.setattr(archive, "write", full)
        run_worker()
    assert states(portal) == [FAILED]
    assert archives(portal) == []
    assert "a fault stopped it" in customer.visit(address(portal)).text
    with portal.database.session(write=False) as session:
        assert "OSError 28" in session.scalars(select(JobStep.error)).one()
    due_now(portal)
    run_worker()
    assert states(portal) == [DONE]
    assert customer.get(address(portal), buffered=True).status_code == 200


def due_now(portal: Any) -> None:
    from app.outbox import Job

    with portal.database.session(write=True) as session:
        session.execute(update(Job).where(Job.state == "queued").values(run_at=now()))
        session.commit()


# --- together with a deletion --------------------------------------------------------------------------------------------


def delete(browser: Browser) -> None:
    browser.send(browser.visit("/privacy/deletion"), "Close and delete", current=PASSWORD)


def test_a_deletion_calls_off_a_copy_that_is_being_made(
    customer: Browser, portal: Any, run_worker: Callable[[], int]
) -> None:
    ask(customer)
    path = address(portal)
    delete(customer)
    run_worker()
    assert states(portal)[0] == WITHDRAWN
    assert archives(portal) == []
    assert customer.get(path, buffered=True).status_code == 303  # signed out


def test_while_it_is_being_written_too(
    customer: Browser, portal: Any, monkeypatch: pytest.MonkeyPatch, run_worker: Callable[[], int]
) -> None:
    """The deletion comes in the middle of the build: what is written is dropped."""
    from app.privacy import archive

    real = archive.write

    def write(target: Path, *given: Any, **more: Any) -> int:
        held = real(target, *given, **more)
        delete(customer)
        return held

    ask(customer)
    monkeypatch.setattr(archive, "write", write)
    run_worker()
    assert [row.state for row in rows(portal)] == [BUILDING]
    assert states(portal)[0] == WITHDRAWN
    assert archives(portal) == []


def test_a_ready_copy_survives_the_grace_and_goes_with_the_person(
    customer: Browser,
    sign_in: Callable[..., Browser],
    portal: Any,
    run_worker: Callable[[], int],
    mails: Mailbox,
) -> None:
    ask(customer)
    run_worker()
    path = address(portal)
    delete(customer)
    assert len(archives(portal)) == 1
    run_worker()
    link = link_in(mails.last(customer.email), "/privacy/deletion/undo/").removeprefix("http://localhost")
    page = customer.send(customer.visit(link), "Open my account again")
    customer.send(page, "/account/sign-in", email=customer.email, password=PASSWORD)
    assert customer.get(path, buffered=True).status_code == 200
    delete(customer)
    with portal.database.session(write=True) as session:
        session.execute(update(PrivacyRequest).values(run_at=now()))
        session.commit()
    due_now(portal)
    run_worker()
    assert archives(portal) == []
    assert [row.state for row in rows(portal)] == [REMOVED]
    assert states(portal)[-1] == DONE


def test_the_copy_of_another_is_made_again_without_the_erased_person(
    customer: Browser,
    sign_in: Callable[..., Browser],
    portal: Any,
    run_worker: Callable[[], int],
    mails: Mailbox,
) -> None:
    otto = sign_in("customer", name="Otto Other")
    with portal.database.session(write=True) as session:
        ticket = talk.ticket(session, session.get_one(Person, otto.person_id), subject="Ottos")
        talk.message(session, ticket, session.get_one(Person, customer.person_id), "wandawort joins in")
        session.commit()
    ask(otto)
    run_worker()
    before = rows(portal)[0]
    assert "wandawort" in ready(portal, otto.person_id).text
    letters = len(mails.to(otto.email))
    delete(customer)
    with portal.database.session(write=True) as session:
        session.execute(update(PrivacyRequest).where(PrivacyRequest.kind == "erasure").values(run_at=now()))
        session.commit()
    due_now(portal)
    run_worker()
    after = rows(portal)[0]
    assert (after.state, after.expires_at) == (READY, before.expires_at)
    assert after.file_key != before.file_key
    assert archives(portal) == [f"{after.file_key}.zip"]
    assert "wandawort" not in ready(portal, otto.person_id).text
    assert len(mails.to(otto.email)) == letters  # nothing new to tell


# --- the officer ---------------------------------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_notes_are_released_or_withheld_and_the_copy_completed(
    customer: Browser,
    sign_in: Callable[..., Browser],
    portal: Any,
    run_worker: Callable[[], int],
    mails: Mailbox,
) -> None:
    first = note(portal, customer.person_id)
    second = note(portal, customer.person_id, "Her colleague is ill.")
    officer = sign_in("privacy_officer")
    ask(customer)
    run_worker()
    assert states(portal) == [OPEN]  # ready for her, and the officer's clock runs
    assert "2 internal notes about you are held back" in customer.visit("/privacy/exports").text
    (told,) = mails.to(officer.email)
    assert "A request about data has arrived (Copy of the data)." in text_of(told)
    inbox = officer.visit("/admin/privacy")
    case = officer.follow(inbox, "Copy of the data")
    assert link_in(told, "/admin/privacy/requests/").endswith(case.path)
    listed = officer.follow(case, "Look at the notes")
    here = listed.path
    page = officer.visit(f"{here}/notes/{first}")
    assert "She is difficult, says Bert Boot." in page.text
    assert "She is difficult, says Agent 1." in page.html  # suggested with names masked
    page = officer.send(page, "Save the decision", status=422, decision="released", text="")
    assert "Write what the person is to read" in page.text
    page = officer.send(page, "Save the decision", decision="released", text="She is difficult.")
    assert page.path == f"{here}/notes/{second}"  # the next one
    officer.send(page, "Save the decision", status=422, decision="withheld", reason="")
    page = officer.send(
        page, "Save the decision", decision="withheld", reason="Says something about somebody else."
    )
    assert "Every note is looked at" in page.text
    assert "Released" in officer.visit(f"{here}?view=decided").text
    officer.send(page, "Make the copy again")
    run_worker()
    copy = ready(portal, customer.person_id)
    assert [(one["state"], one["text"], one["why"]) for one in copy.document["internal_notes"]] == [
        ("released", "She is difficult.", ""),
        ("withheld", "", "Says something about somebody else."),
    ]
    assert states(portal) == [DONE]
    assert mails.last(customer.email)["Subject"] == "The copy of your data is complete"
    with portal.database.session(write=False) as session:
        actions = session.scalars(
            select(AuditEntry.action).where(AuditEntry.actor_id == officer.person_id)
        ).all()
        assert sorted(actions) == ["privacy.complete", "privacy.note", "privacy.note"]
        looks = session.scalars(select(StaffAccess.person_id)).all()
        assert looks
        assert set(looks) == {officer.person_id}
        assert len(session.scalars(select(NoteDecision.id)).all()) == 2
    answer = customer.get(address(portal), buffered=True)
    assert "She is difficult." in opened(answer.data).page


def test_the_officer_starts_a_copy_for_somebody_without_account(
    sign_in: Callable[..., Browser], portal: Any, run_worker: Callable[[], int], mails: Mailbox
) -> None:
    with portal.database.session(write=True) as session:
        guest = factories.person(session, email="gusti@example.org", password_hash=None, proved_at=None)
        session.commit()
    officer = sign_in("privacy_officer")
    new = officer.visit("/admin/privacy/new")
    page = officer.send(new, "Go on", status=422, kind="export", email="nobody@example.org")
    assert "Nobody here has this address" in page.text
    page = officer.send(new, "Go on", kind="export", email="gusti@example.org", note="By letter")
    assert "By letter" in page.text
    run_worker()
    assert rows(portal)[0].person_id == guest.id
    assert mails.last("gusti@example.org")["Subject"] == "The copy of your data is ready"
    officer.visit(address(portal), status=404)  # it is hers, not the officer's


def test_a_request_for_information_is_answered_with_a_copy(
    customer: Browser, sign_in: Callable[..., Browser], portal: Any, run_worker: Callable[[], int]
) -> None:
    officer = sign_in("privacy_officer")
    page = officer.send(officer.visit("/admin/privacy/new"), "Go on", kind="access", email=customer.email)
    page = officer.send(page, "Make a copy of the data")
    assert "The worker is at it" in page.text
    run_worker()
    assert rows(portal)[0].person_id == customer.person_id
    assert sorted(states(portal)) == [DONE, OPEN]


def test_no_copy_is_started_once_a_deletion_is_under_way(
    customer: Browser, sign_in: Callable[..., Browser], portal: Any
) -> None:
    delete(customer)
    officer = sign_in("privacy_officer")
    page = officer.send(
        officer.visit("/admin/privacy/new"), "Go on", status=422, kind="export", email=customer.email
    )
    assert "to be deleted" in page.text
    assert rows(portal) == []


def test_only_officers_see_notes(
    customer: Browser, sign_in: Callable[..., Browser], portal: Any, run_worker: Callable[[], int]
) -> None:
    key = note(portal, customer.person_id)
    ask(customer)
    run_worker()
    with portal.database.session(write=False) as session:
        request = session.scalars(select(PrivacyRequest.public_id)).one()
    for role in ("agent", "lead", "editor"):
        other = sign_in(role)
        other.visit(f"/admin/privacy/exports/{request}", status=403)
        other.visit(f"/admin/privacy/exports/{request}/notes/{key}", status=403)
    officer = sign_in("privacy_officer")
    officer.visit(f"/admin/privacy/exports/{request}/notes/unknown", status=404)
    officer.visit("/admin/privacy/exports/unknown", status=404)


def test_a_running_copy_is_not_completed(
    customer: Browser, portal: Any, sign_in: Callable[..., Browser]
) -> None:
    ask(customer)
    with portal.database.session(write=True) as session:
        request = session.scalars(select(PrivacyRequest)).one()
        assert request.state == RUNNING
        with pytest.raises(export.Refused):
            export.complete(session, request, actor_id=customer.person_id, now=now())


# --- black-out -----------------------------------------------------------------------------------------------------------


def test_a_blacked_out_passage_leaves_ready_copies(
    customer: Browser, sign_in: Callable[..., Browser], portal: Any, run_worker: Callable[[], int]
) -> None:
    with portal.database.session(write=True) as session:
        person = session.get_one(Person, customer.person_id)
        talk.message(session, talk.ticket(session, person), person, "The secret word is schwarzwort, please.")
        session.commit()
    ask(customer)
    run_worker()
    assert "schwarzwort" in ready(portal, customer.person_id).text
    admin = sign_in("admin")
    page = admin.send(
        admin.visit("/admin/privacy/blackout"),
        "/admin/privacy/blackout",
        passage="schwarzwort",
        reason="Secret",
    )
    admin.send(page, "/places")
    run_worker()
    assert "schwarzwort" not in ready(portal, customer.person_id).text
    assert len(archives(portal)) == 1


@pytest.mark.both_databases
def test_the_store_knows_whose_an_archive_is_and_whom_it_names(
    customer: Browser, portal: Any, run_worker: Callable[[], int]
) -> None:
    """Also an archive is looked through by words, and a request that is deleted leaves the ready ones."""
    with portal.database.session(write=True) as session:
        person = session.get_one(Person, customer.person_id)
        ticket = talk.ticket(session, person, subject="Hers")
        talk.message(session, ticket, person, 'Größe des finkwort "hier".')
        session.commit()
    ask(customer)
    run_worker()
    (name,) = archives(portal)
    with portal.database.session(write=True) as session:
        sink = ExportSink(session, portal)
        hers = Subject((customer.email,), customer.person_id)
        assert (
            [(one.place, one.own) for one in sink.find(hers)]
            == [(name, True)]
            == [(one.place, one.own) for one in sink.verify(hers)]
        )
        for words in ("finkwort", "Größe des", '"hier"'):
            assert [(one.place, one.own) for one in sink.find(Subject((words,)))] == [(name, False)], words
        assert sink.find(Subject(("amselwort",))) == []
        service.start_part(session, "ticket", ticket.public_id, actor_id=None, now=now())
        session.commit()
    run_worker()
    run_worker()
    assert archives(portal) != [name]
    assert "finkwort" not in ready(portal, customer.person_id).text


def test_a_decision_goes_with_the_text_of_its_note(customer: Browser, portal: Any) -> None:
    key = note(portal, customer.person_id)
    with portal.database.session(write=True) as session:
        message = session.scalars(select(Message).where(Message.public_id == key)).one()
        session.add(
            NoteDecision(
                person_id=customer.person_id,
                message_id=message.id,
                state="released",
                text="Words",
                decided_at=now(),
            )
        )
        session.commit()
    for body, left in (("still there", 1), ("", 0)):
        with portal.database.session(write=True) as session:
            session.execute(update(Message).where(Message.public_id == key).values(body=body))
            session.commit()
        with portal.database.session(write=False) as session:
            building.sweep(session, now(), portal)
        with portal.database.session(write=False) as session:
            assert len(session.scalars(select(NoteDecision.id)).all()) == left


# --- the command line ----------------------------------------------------------------------------------------------------


def test_the_command_writes_a_copy(app: Flask, customer: Browser, portal: Any, tmp_path: Path) -> None:
    target = tmp_path / "wanda.zip"
    run = app.test_cli_runner().invoke
    done = run(args=["privacy", "export", customer.email, "--out", str(target)])
    assert done.exit_code == 0, done.output
    assert opened(target.read_bytes()).document["data"]["person"][0]["email"] == customer.email
    assert target.stat().st_mode & 0o777 == 0o600
    with portal.database.session(write=False) as session:
        (entry,) = session.scalars(select(AuditEntry)).all()
    assert (entry.action, entry.object_kind, entry.object_id) == (
        "privacy.export",
        "person",
        customer.person_id,
    )
    assert run(args=["privacy", "export", "nobody@example.org", "--out", str(target)]).exit_code == 1
    there = run(args=["privacy", "export", customer.email, "--out", str(tmp_path / "no" / "such.zip")])
    assert there.exit_code != 0
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix in (".zip", ".part")) == [
        "wanda.zip"
    ]
