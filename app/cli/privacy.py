"""Commands for data protection."""

from __future__ import annotations

import os
import smtplib
import time
from datetime import timedelta
from pathlib import Path

import click
from sqlalchemy import select

from app import audit, outbox
from app.accounts import people
from app.accounts.tokens import LinkRules
from app.admin.audit_words import ACTIONS
from app.cli.door import CommandGroup, changing, looking
from app.i18n import gettext_in
from app.lanes import post_for
from app.mail import Undeliverable
from app.now import now
from app.preferences import Preferences
from app.privacy import archive, mails, recipients, record, service
from app.privacy import replay as again
from app.privacy import retention as due
from app.privacy.executor import LETTER, carry_out
from app.privacy.ledger import LedgerFault
from app.privacy.models import DONE, HELD, Certificate, PrivacyRequest
from app.privacy.proof import faults_of
from app.privacy.stores import all_sinks, subject_for
from app.web import portal

THROUGH = "command line"
OURS = timedelta(hours=1)  # so long no worker takes an erasure that the command line carries out
PATIENCE_SECONDS = 60  # for a letter that a worker is sending

privacy = CommandGroup("privacy", help="Data protection.")


@privacy.command("map")
@click.option("--format", "kind", type=click.Choice(["md", "json"]), default="md", help="Markdown or JSON.")
@click.option("--lang", type=click.Choice(["de", "en"]), default="de", help="Language of the record.")
def processing_map(kind: str, lang: str) -> None:
    """The record of processing activities (Art. 30 GDPR), made from the classification of every column."""
    with looking() as session:
        found = record.record(recipients.receivers(session, lang))
    written = record.as_markdown if kind == "md" else record.as_json
    click.echo(written(found, gettext_in(lang)), nl=False)


@privacy.command("staff-sheet")
@click.option("--lang", type=click.Choice(["de", "en"]), default="de", help="Language of the sheet.")
def staff_sheet(lang: str) -> None:
    """What is held about members of the team, for a works council."""
    click.echo(record.staff_sheet(gettext_in(lang)), nl=False)


@privacy.command()
@click.argument("text")
@click.option(
    "--former", multiple=True, help="A name or address that the same person had before; may be repeated."
)
def find(text: str, former: tuple[str, ...]) -> None:
    """Look for TEXT in every store: tables, search index, files, captured mail. An address finds all about its person."""
    if not text.strip():
        raise click.UsageError("Name what to look for.")
    with looking() as session:
        subject = subject_for(session, text, former)
        found = [finding for sink in all_sinks(session, portal()) for finding in sink.find(subject)]
    places = {
        (finding.sink, finding.place): finding.own for finding in sorted(found, key=lambda one: one.own)
    }
    width = max((len(store) for store, _ in places), default=0)
    for (store, place), own in sorted(places.items()):
        click.echo(f"{store:<{width}}  {place}{'' if own or subject.person_id is None else '  (names her)'}")
    click.echo(f"Places found: {len(places)}")


@privacy.command("export")
@click.argument("email")
@click.option(
    "--out",
    "target",
    required=True,
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="The archive to write (.zip).",
)
def export_copy(email: str, target: Path) -> None:
    """Write a copy of all data of the person with address EMAIL to an archive, as she gets it herself."""
    with looking() as session:
        person = people.with_address(session, email)
        lang = person.language if person.language in portal().languages else portal().languages[0]
    partial = target.with_name(f"{target.name}.part")
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        held_back = archive.write(
            partial, portal(), person.id, lang, actions=ACTIONS, now=now(), tell=_counted
        )
        partial.replace(target)
    except OSError as fault:
        raise click.ClickException(f"The archive cannot be written: {fault.strerror or fault}.") from None
    finally:
        partial.unlink(missing_ok=True)
    with changing() as session:
        audit.record(
            session, actor_id=None, action="privacy.export", object_kind="person", object_id=person.id, at=now(),
            through=THROUGH,
        )  # fmt: skip
    click.echo(f"Written: {target} ({target.stat().st_size} bytes). Internal notes held back: {held_back}")


def _counted(done: int) -> None:
    if done % 500 == 0:
        click.echo(f"  {done} messages and files …", err=True)


@privacy.command()
@click.argument("email")
@click.option("--yes", is_flag=True, help="Really erase; without it only the plan is shown.")
@click.option("--former", multiple=True, help="A name or address that she had before; may be repeated.")
def erase(email: str, yes: bool, former: tuple[str, ...]) -> None:
    """Erase the person with address EMAIL at once, without the days of grace. Ends with the number of a certificate."""
    with looking() as session:
        plan = service.preview(session, people.with_address(session, email).id, now=now())
    for line in plan.lines:
        until = f" until {line.until}" if line.until else ""
        click.echo(f"{line.action:<10} {line.count:>6}  {line.group}: {line.reason}{until}")
    if not yes:
        raise click.ClickException("Nothing was changed. Add --yes to carry this out.")
    request_id = _request(email, former)
    state = carry_out(portal(), request_id, later=False, tell=_told)
    if state not in (DONE, HELD):
        _deliver(request_id)
        state = carry_out(portal(), request_id, later=False, tell=_told)
    with changing() as session:
        request = session.get_one(PrivacyRequest, request_id)
        job = session.get(outbox.Job, request.job_id)
        if job is not None and state in (DONE, HELD):
            job.state, job.done_at, job.lease_until = outbox.DONE, now(), None
        key = request.certificate_key
    if state == HELD:
        raise click.ClickException(
            "A legal hold keeps everything. The account is closed; the rest waits for its release."
        )
    if state != DONE:
        raise click.ClickException("The last letter is not sent yet. The worker goes on as soon as it is.")
    click.echo(f"Erased and verified. Certificate: {portal().base_url}/privacy/certificates/{key}")


def _request(email: str, former: tuple[str, ...]) -> int:
    """The request, due now, in our hands."""
    with changing() as session:
        person = people.with_address(session, email)
        rules = LinkRules.of(Preferences.read(session), portal().secret_key)
        request = service.request_deletion(
            session,
            person.id,
            rules=rules,
            grace=timedelta(0),
            former="\n".join(former),
            through=THROUGH,
            now=now(),
        )
        request.run_at = now()
        job = session.get_one(outbox.Job, request.job_id)
        job.lease_until, job.lease_by = now() + OURS, THROUGH
        return request.id


def _told(step: str) -> None:
    click.echo(f"  {step} …", err=True)


def _deliver(request_id: int) -> None:
    """Send the last letter here and now; a worker that has it already is waited for."""
    parts = portal()
    with changing() as session:
        request = session.get_one(PrivacyRequest, request_id)
        claimed = outbox.claim(session, worker=THROUGH, now=now(), names=[LETTER], limit=100)
        wanted = request.letter_job_id
    for job in claimed:
        try:
            with looking() as session:
                message = mails.erased(post_for(parts, session, job.key), job.ids)
            if message is not None:
                parts.transport.send(message, key=job.key)
        except Undeliverable as fault:
            with changing() as session:
                outbox.fail(session, job, f"Undeliverable {fault.code}", now=now(), for_good=True)
        except (OSError, smtplib.SMTPException) as fault:
            with changing() as session:
                outbox.fail(session, job, type(fault).__name__, now=now())
        else:
            with changing() as session:
                outbox.finish(session, job, now=now())
    if wanted not in {job.id for job in claimed}:
        _wait_for(wanted)


def _wait_for(job_id: int | None) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with looking() as session:
            state = session.scalar(select(outbox.Job.state).where(outbox.Job.id == job_id))
        if state != outbox.QUEUED:
            return
        time.sleep(0.5)


@privacy.command()
@click.option("--dry-run", is_flag=True, help="Only list what is due.")
def retention(dry_run: bool) -> None:
    """Delete what is due by its class and term; what a hold keeps stays."""
    moment = now()
    with looking() as session:
        found = due.due(session, moment)
    for line in found:
        click.echo(f"{line.count:>7}  {line.words} (the oldest since {line.oldest})")
    if not found:
        click.echo("Nothing is due.")
    elif dry_run:
        click.echo("Nothing was changed.")
    else:
        done = due.carry_out(portal(), moment)
        click.echo(f"Deleted: {sum(done.values())}")


@privacy.command()
def replay() -> None:
    """Erase again whatever the ledger names and this database still has (after restoring a backup)."""
    try:
        count = again.replay(portal())
    except LedgerFault as fault:
        raise click.ClickException(str(fault)) from None
    click.echo(f"Erasures carried out again: {count}")


@privacy.command("verify-certificate")
@click.argument("key", metavar="ID")
def verify_certificate(key: str) -> None:
    """Compare the certificate ID with the ledger and with what this database holds."""
    with looking() as session:
        found = session.scalar(select(Certificate).where(Certificate.public_id == key))
        if found is None:
            raise click.ClickException("There is no certificate with this number.")
        try:
            faults = faults_of(session, portal(), found)
        except LedgerFault as fault:
            raise click.ClickException(str(fault)) from None
    if faults:
        raise click.ClickException(
            "The certificate does not hold:\n" + "\n".join(f"  - {one}" for one in faults)
        )
    click.echo(
        f"The certificate holds: entry {found.ledger_number} of the ledger, verified {found.verified_at:%Y-%m-%d}."
    )
