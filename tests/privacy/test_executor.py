"""An erasure over every store: complete, verified, with its certificate; safe to repeat, to break off and to resume."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import drafts, outbox
from app.accounts import sessions
from app.accounts.models import AGENT, Person
from app.accounts.tokens import LinkRules
from app.letters import Message as Letter
from app.now import now
from app.preferences import Preferences
from app.privacy import executor, holds, service
from app.privacy.executor import carry_out, ledger_of
from app.privacy.models import Certificate, ErasureRecord, JobStep, PrivacyRequest, RetainedIdentity
from app.privacy.replay import missing
from app.privacy.sinks import Finding
from app.sla.models import SlaEscalationStep, SlaPolicyVersion
from app.sla.service import ensure_defaults
from app.tickets.models import FIRST_NUMBER, Attachment, Message, SlaClock, Ticket, TicketTag
from tests import factories
from tests.privacy import conversation as talk

pytestmark = pytest.mark.both_databases
RULES = LinkRules.of(Preferences({}), "s" * 40)
AT_ONCE = timedelta(0)


@pytest.fixture
def portal(app: Flask) -> Any:
    return app.extensions["portal"]


class Case:
    """A customer, Wanda, with words of her own everywhere; Otto, who must lose nothing; Ada of the team."""

    email, name = "wanda.zaunkoenig@example.org", "Wanda Zaunkönig"

    def __init__(self, portal: Any) -> None:
        self.portal = portal
        with portal.database.session(write=True) as session:
            self._people(session)
            self._requests(session, portal.storage)
            session.commit()
        self._letter("to-her", self.email, "Your request", "zaunword in a letter")
        self._letter(
            "about-hers", "ada@example.org", f"[#{self.hers.id + FIRST_NUMBER}] zaunword subject", "Look."
        )
        self._letter("to-otto", "otto@example.org", "Your request", "Otto reads this.")

    def _letter(self, key: str, to: str, subject: str, body: str) -> None:
        headers = {"From": "Help <help@localhost>"}
        self.portal.transport.send(Letter(to, subject, body, f"<p>{body}</p>", "en", headers), key=key)

    def _people(self, session: Session) -> None:
        self.wanda = factories.person(session, name=self.name, email=self.email)
        self.otto = factories.person(session, name="Otto Other", email="otto@example.org")
        self.ada = factories.person(session, AGENT, name="Ada Agent", email="ada@example.org")
        sessions.begin(session, self.wanda.id, device="WandaBrowser", network="10.1.2.0", now=now())
        drafts.save(session, self.wanda.id, "tickets.new", {"message": "zaunword half written"}, now=now())

    def _requests(self, session: Session, storage: Any) -> None:
        self.hers = talk.ticket(session, self.wanda, subject="zaunword subject", is_open=True)
        first = talk.message(session, self.hers, self.wanda, "The zaunword machine is broken since Tuesday.")
        talk.file(session, storage, first, "zaunword in a file", "zaunword-scan.txt")
        talk.message(
            session, self.hers, self.ada, "> The zaunword machine is broken\n> since Tuesday.\n\nWe look."
        )
        talk.message(session, self.hers, self.ada, f"{self.name} sounds zaunword angry.", public=False)
        talk.message(session, self.hers, self.otto, "> The zaunword machine is broken\nMine too, says Otto.")
        session.add(TicketTag(ticket_id=self.hers.id, tag="broken"))
        self.theirs = talk.ticket(session, self.otto, subject="Otto asks")
        self.asked = talk.message(session, self.theirs, self.otto, "Otto writes himself.")
        mine = talk.message(session, self.theirs, self.wanda, "I have zaunword the same fault as Otto does.")
        talk.file(session, storage, mine, "zaunword elsewhere", "zaunword.txt")
        self.reply = talk.message(
            session, self.theirs, self.ada, f"> I have zaunword the same fault\n\nAsk {self.name} ({self.email}).",
            html=f"<p>Ask <b>{self.name}</b></p>",
        )  # fmt: skip
        outbox.put(session, "tickets.received", run_at=now() + timedelta(days=9), ticket_id=self.hers.id)
        outbox.put(session, "tickets.received", run_at=now() + timedelta(days=9), ticket_id=self.theirs.id)

    def ask(self, grace: timedelta = AT_ONCE, person: Person | None = None) -> int:
        with self.portal.database.session(write=True) as session:
            made = service.request_deletion(
                session, (person or self.wanda).id, rules=RULES, grace=grace, now=now()
            )
            session.commit()
            return made.id

    def see(self, *statement: Any) -> Any:
        with self.portal.database.session(write=False) as session:
            return (
                [session.scalars(one).all() for one in statement]
                if len(statement) > 1
                else session.scalars(*statement).all()
            )


@pytest.fixture
def case(portal: Any) -> Case:
    return Case(portal)


def test_everything_of_hers_goes_and_nothing_of_others(
    case: Case, portal: Any, run_worker: Callable[[], int]
) -> None:
    request_id = case.ask()
    run_worker()
    (request,) = case.see(select(PrivacyRequest))
    assert (request.id, request.state, request.subject_email, request.subject_name) == (
        request_id,
        "done",
        None,
        None,
    )
    (person,) = case.see(select(Person).where(Person.id == case.wanda.id))
    assert person.email.endswith("@erased.invalid")
    assert person.name.startswith("P-")
    assert person.erased_at
    assert person.disabled_at
    bodies = case.see(select(Message.body).where(Message.ticket_id == case.hers.id).order_by(Message.id))
    assert bodies == ["", "", "", "> [entfernt]\nMine too, says Otto."]
    others = case.see(select(Message.body).where(Message.ticket_id == case.theirs.id).order_by(Message.id))
    assert others == ["Otto writes himself.", "", "> [entfernt]\n\nAsk [entfernt] ([entfernt])."]
    assert case.see(select(Attachment.id)) == []
    assert list(portal.storage.all_keys()) == []
    (subject, theirs) = case.see(select(Ticket.subject).order_by(Ticket.id))
    assert (subject, theirs) == ("", "Otto asks")
    (status,) = case.see(select(Ticket.status).where(Ticket.id == case.hers.id))
    assert status == "closed"
    assert case.see(select(TicketTag.tag)) == ["broken"]
    assert [job.ids for job in case.see(select(outbox.Job).where(outbox.Job.name == "tickets.received"))] == [
        {"ticket_id": case.theirs.id}
    ]


def test_no_byte_of_hers_is_left(
    case: Case, portal: Any, backend: str, run_worker: Callable[[], int]
) -> None:
    words = ("zaunword", "zaunk", "wanda.zaun", "WandaBrowser", "10.1.2.0")
    before = talk.holding(portal.data_dir, *words)
    assert before
    case.ask()
    run_worker()
    assert talk.holding(portal.data_dir, *words) == {}
    if backend == "sqlite":
        assert (portal.data_dir / "portal.db").read_bytes().count(b"Otto writes himself") >= 1
    assert talk.holding(portal.data_dir / "mail", "Otto reads this") == {"to-otto.eml": ["Otto reads this"]}


def test_the_certificate_says_what_was_done(case: Case, portal: Any, run_worker: Callable[[], int]) -> None:
    case.ask()
    run_worker()
    (certificate,) = case.see(select(Certificate))
    (request,) = case.see(select(PrivacyRequest))
    entries = ledger_of(portal).entries()
    assert (certificate.public_id, certificate.leftovers) == (request.certificate_key, 0)
    assert (certificate.ledger_number, certificate.ledger_digest) == (1, entries[0].digest)
    assert certificate.plan_digest == request.plan_digest == entries[0].plan
    counts = {step["name"]: step["count"] for step in certificate.steps}
    assert (counts["texts"], counts["files"], counts["requests"], counts["quotes"]) == (4, 2, 1, 2)
    assert counts["captured mail"] == 2
    assert entries[0].tickets == (case.hers.public_id,)
    with portal.database.session(write=False) as session:
        assert missing(session, entries) == []


def test_nothing_is_erased_without_the_ledger(
    case: Case, portal: Any, monkeypatch: pytest.MonkeyPatch, run_worker: Callable[[], int]
) -> None:
    request_id = case.ask()
    portal.ledger_folders[0].parent.mkdir(exist_ok=True)
    portal.ledger_folders[0].write_text("a file where the folder should be")
    with pytest.raises(OSError, match="ledger"):
        carry_out(portal, request_id)
    (request,) = case.see(select(PrivacyRequest))
    (step,) = case.see(select(JobStep).where(JobStep.state == "failed"))
    assert (request.state, step.name) == ("failed", "ledger")
    assert step.error
    assert "zaun" not in step.error
    assert case.see(select(Message.body).where(Message.author_id == case.wanda.id))[0]
    portal.ledger_folders[0].unlink()
    with portal.database.session(write=True) as session:
        service.run_now(session, request_id, actor_id=None, now=now())
        session.commit()
    run_worker()
    assert case.see(select(PrivacyRequest.state)) == ["done"]


STEPS = ("ledger", "quotes", "texts", "files", "requests", "drafts", "jobs", "mentions", "account", "stores",
         "captured mail", "letter", "verification", "copies")  # fmt: skip


@pytest.mark.parametrize("broken", STEPS)
def test_a_fault_at_any_step_is_shown_and_the_next_try_ends_complete(
    case: Case, portal: Any, broken: str, monkeypatch: pytest.MonkeyPatch, run_worker: Callable[[], int]
) -> None:
    """The step has its effect and then breaks, as a crash between effect and note would."""
    real = executor._steps
    tripped: list[str] = []

    def steps(run: Any) -> list[Any]:
        def trip(step: Any) -> Any:
            def do(run: Any) -> Any:
                done = step.do(run)
                if not tripped:
                    tripped.append(step.name)
                    raise ConnectionError("gone")
                return done

            return executor.Step(step.name, do)

        return [trip(step) if step.name == broken else step for step in real(run)]

    monkeypatch.setattr(executor, "_steps", steps)
    request_id = case.ask()
    if broken in ("verification", "copies"):
        carry_out(portal, request_id)
        run_worker_letters(portal)
    with pytest.raises(ConnectionError):
        carry_out(portal, request_id)
    (step,) = case.see(select(JobStep).where(JobStep.name == broken))
    assert (step.state, step.error.split(" ")[0]) == ("failed", "ConnectionError")
    run_worker()
    assert case.see(select(PrivacyRequest.state)) == ["done"]
    assert talk.holding(portal.data_dir, "zaunword", "zaunk") == {}
    assert len(ledger_of(portal).entries()) == 1
    assert len(case.see(select(Certificate.id))) == 1


def run_worker_letters(portal: Any) -> None:
    """Send what waits, nothing else."""
    from app.lanes import Worker
    from app.worker import TABLES

    while Worker(portal, TABLES).deliver():
        pass


def test_what_a_statute_keeps_is_taken_out_of_sight(
    case: Case, portal: Any, run_worker: Callable[[], int]
) -> None:
    with portal.database.session(write=True) as session:
        kind = talk.request_type(session, "trade_letter")
        kept = talk.ticket(session, case.wanda, subject="Offer", request_type_id=kind.id)
        talk.message(session, kept, case.wanda, "keepword: I order ten.")
        session.commit()
    case.ask()
    run_worker()
    (ticket,) = case.see(select(Ticket).where(Ticket.id == kept.id))
    assert (ticket.subject, bool(ticket.restricted_at)) == ("Offer", True)
    assert case.see(select(Message.body).where(Message.ticket_id == kept.id)) == ["keepword: I order ten."]
    (sender,) = case.see(select(RetainedIdentity))
    assert (sender.name, sender.email) == (case.name, case.email)
    assert sender.until == ticket.closed_at.date().replace(year=ticket.closed_at.year + 6, month=12, day=31)
    assert case.see(select(PrivacyRequest.state)) == ["done"]
    assert case.see(select(Person.email).where(Person.id == case.wanda.id))[0].endswith("@erased.invalid")
    assert [
        line["action"] for line in case.see(select(Certificate))[0].lines if line["group"] == "identity"
    ] == ["restrict"]


def test_a_member_of_the_team_becomes_a_pseudonym(case: Case, run_worker: Callable[[], int]) -> None:
    with case.portal.database.session(write=True) as session:
        factories.person(session, "admin")
        session.commit()
    case.ask(person=case.ada)
    run_worker()
    (ada,) = case.see(select(Person).where(Person.id == case.ada.id))
    assert ada.name.startswith("P-")
    texts = case.see(select(Message.body).where(Message.author_id == case.ada.id).order_by(Message.id))
    assert texts[0].endswith("We look.")
    assert case.see(select(PrivacyRequest.state)) == ["done"]


def test_promises_forget_whom_they_would_have_written_to(case: Case, run_worker: Callable[[], int]) -> None:
    """An escalation names her in a row that is nobody's: by her number, and by a typed address."""
    with case.portal.database.session(write=True) as session:
        factories.person(session, "admin")
        ensure_defaults(session, time_zone="Europe/Berlin", now=now())
        version_id = session.scalars(select(SlaPolicyVersion.id).limit(1)).one()
        step = {"policy_version_id": version_id, "metric": "resolution", "offset_minutes": 0}
        session.add(SlaEscalationStep(**step, action="notify", recipient="person", person_id=case.ada.id))
        session.add(SlaEscalationStep(**step, action="mail", recipient=case.ada.email))
        session.commit()
    case.ask(person=case.ada)
    run_worker()
    assert case.see(select(PrivacyRequest.state)) == ["done"]
    steps = select(SlaEscalationStep.recipient).order_by(SlaEscalationStep.id.desc()).limit(2)
    assert case.see(steps) == ["", "person"]
    assert case.see(select(SlaEscalationStep.id).where(SlaEscalationStep.person_id == case.ada.id)) == []


def test_a_hold_that_came_in_the_grace_period_keeps_everything(
    case: Case, portal: Any, run_worker: Callable[[], int]
) -> None:
    request_id = case.ask()
    with portal.database.session(write=True) as session:
        first, second = factories.person(session, "admin"), factories.person(session, "admin")
        hold = holds.propose(
            session, address=case.email, ground="dispute", reason="court", review_on=(now() + timedelta(days=90)).date(),
            actor_id=first.id, now=now(),
        )  # fmt: skip
        holds.confirm(session, hold.public_id, actor_id=second.id, now=now())
        session.commit()
    run_worker()
    assert case.see(select(PrivacyRequest.state)) == ["held"]
    assert case.see(select(Person.email).where(Person.id == case.wanda.id)) == [case.email]
    assert ledger_of(portal).entries() == []
    with portal.database.session(write=True) as session:
        holds.release(session, hold.public_id, actor_id=second.id, now=now())
        session.commit()
    run_worker()
    assert case.see(select(PrivacyRequest.state).where(PrivacyRequest.id == request_id)) == ["done"]
    assert talk.holding(portal.data_dir, "zaunword") == {}


def test_the_letter_waits_for_the_mail_server_and_the_address_with_it(case: Case, portal: Any) -> None:
    request_id = case.ask()
    assert carry_out(portal, request_id) == "running"
    (request,) = case.see(select(PrivacyRequest))
    assert request.subject_email == case.email
    assert case.see(select(Person.email).where(Person.id == case.wanda.id))[0].endswith("@erased.invalid")
    with portal.database.session(write=True) as session:
        job = session.get_one(outbox.Job, request.letter_job_id)
        job.created_at = now() - timedelta(days=8)
        session.commit()
    assert carry_out(portal, request_id) == "done"
    (request,) = case.see(select(PrivacyRequest))
    assert request.subject_email is None
    assert talk.holding(portal.data_dir, "wanda.zaun") == {}


@pytest.mark.parametrize("scope", ["ticket", "message", "file"])
def test_a_part_goes_and_the_rest_stays(
    case: Case, portal: Any, scope: str, run_worker: Callable[[], int]
) -> None:
    (key,) = {
        "ticket": case.see(select(Ticket.public_id).where(Ticket.id == case.hers.id)),
        "message": case.see(select(Message.public_id).where(Message.body.like("I have zaunword%"))),
        "file": case.see(select(Attachment.storage_key).where(Attachment.name == "zaunword.txt")),
    }[scope]
    with portal.database.session(write=True) as session:
        admin = factories.person(session, "admin")
        service.start_part(session, scope, key, actor_id=admin.id, now=now())
        session.commit()
    run_worker()
    assert case.see(select(PrivacyRequest.state)) == ["done"]
    assert case.see(select(Person.email).where(Person.id == case.wanda.id)) == [case.email]
    names = case.see(select(Attachment.name).order_by(Attachment.id))
    said = case.see(
        select(Message.body).where(Message.ticket_id == case.theirs.id, Message.author_id == case.wanda.id)
    )
    if scope == "ticket":
        assert names == ["zaunword.txt"]
        assert case.see(select(Ticket.subject).where(Ticket.id == case.hers.id)) == [""]
        assert "zaunword" not in "".join(
            case.see(select(Message.body).where(Message.ticket_id == case.hers.id))
        )
    else:
        assert names == ["zaunword-scan.txt"]
        assert said == ([""] if scope == "message" else ["I have zaunword the same fault as Otto does."])
    assert [entry.action for entry in ledger_of(portal).entries()] == [scope]


def test_clocks_that_ran_are_cancelled_and_missed_ones_stay_missed(
    case: Case, portal: Any, run_worker: Callable[[], int]
) -> None:
    def clock(metric: str, state: str) -> SlaClock:
        return SlaClock(
            ticket_id=case.hers.id, metric=metric, run_no=1, state=state, started_at=now(), elapsed_seconds=60,
            paused_seconds=0,
        )  # fmt: skip

    with portal.database.session(write=True) as session:
        session.add_all([clock("next_response", "running"), clock("resolution", "breached")])
        session.commit()
    case.ask()
    run_worker()
    states = dict.fromkeys(case.see(select(SlaClock.state).where(SlaClock.ticket_id == case.hers.id)))
    assert "running" not in states
    (queue,) = case.see(select(Ticket.is_open).where(Ticket.id == case.hers.id))
    assert queue is False


def test_a_store_that_came_later_is_erased_and_verified_too(
    case: Case, portal: Any, monkeypatch: pytest.MonkeyPatch, run_worker: Callable[[], int]
) -> None:
    """A sink in the list of stores is all that a new store needs."""
    held = [case.email]

    class Later:
        name = "later"

        def erase(self, subject: Any) -> int:
            return len([held.remove(subject.email) for _ in range(held.count(subject.email))])

        def verify(self, subject: Any) -> list[Finding]:
            return [Finding(self.name, "there", own=True)] if stubborn or subject.email in held else []

    stubborn = [True]
    real = executor.all_sinks
    monkeypatch.setattr(executor, "all_sinks", lambda session, portal: [*real(session, portal), Later()])
    request_id = case.ask()
    run_worker()
    assert held == []
    assert case.see(select(PrivacyRequest.state)) == ["failed"]  # the store says that something is left
    assert case.see(select(Certificate.id)) == []
    stubborn.clear()
    with portal.database.session(write=True) as session:
        service.run_now(session, request_id, actor_id=None, now=now())
        session.commit()
    run_worker()
    assert case.see(select(PrivacyRequest.state)) == ["done"]


def test_the_record_follows_the_ledger(case: Case, portal: Any, run_worker: Callable[[], int]) -> None:
    case.ask()
    run_worker()
    case.ask(person=case.otto)
    run_worker()
    assert case.see(select(ErasureRecord.number).order_by(ErasureRecord.number)) == [1, 2]
