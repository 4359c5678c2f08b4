"""The tables of all later work, and the worker that does it.

LETTERS compose a message for a job or give None when it is not needed any more; CHORES have their effect in one
transaction with the end of the job (or are a `Batch`, whose effect lies outside the database); RECURRING is the timetable.
"""

from __future__ import annotations

import signal
import threading
from datetime import datetime, timedelta

from flask import Flask
from sqlalchemy import delete
from sqlalchemy.orm import Session

from app import drafts, outbox, searchlog, throttle
from app.accounts import mails as accounts_mails
from app.accounts import people, sessions, tokens
from app.admin.audit_words import ACTIONS
from app.articles import images, indexing
from app.lanes import Batch, Chore, Ids, Letter, Recurring, Tables, Worker
from app.now import now
from app.outbox import DONE, Job
from app.preferences import Preferences
from app.privacy import building, copies, executor, export, officers, retention
from app.privacy import mails as privacy_mails
from app.reports import trials
from app.sla import service as sla_service
from app.tickets import mails as tickets_mails
from app.tickets import policy_edits, recomputing, recounting, sla_mails, upkeep, usual_waits
from app.tickets import sweep as sla_sweep
from app.web import Portal

DONE_JOBS_KEPT = timedelta(days=7)
CAPTURED_MAIL_KEPT = timedelta(days=30)
UPGRADE_COPIES_KEPT = timedelta(days=7)
UNPROVED_GUESTS_KEPT = timedelta(days=14)


def sweep_drafts(session: Session, moment: datetime, portal: Portal) -> None:
    """Unsent drafts end after the period on the settings page."""
    drafts.sweep(session, before=moment - Preferences.read(session).period("period_draft_days"))


def sweep_throttles(session: Session, moment: datetime, portal: Portal) -> None:
    """Counts of tries end with their window."""
    throttle.sweep(session, now=moment)


def sweep_jobs(session: Session, moment: datetime, portal: Portal) -> None:
    """Jobs that are done are kept for a week, so that one can see what happened; failed ones stay until retried."""
    session.execute(delete(Job).where(Job.state == DONE, Job.done_at < moment - DONE_JOBS_KEPT))


def sweep_captured_mail(session: Session, moment: datetime, portal: Portal) -> None:
    """Captured mail is for trials; it does not pile up."""
    oldest = (moment - CAPTURED_MAIL_KEPT).timestamp()
    for path in portal.captured_mail_dir.glob("*"):
        if path.is_file() and path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)


def sweep_upgrade_copies(session: Session, moment: datetime, portal: Portal) -> None:
    """The copy of the database that `make upgrade` keeps is for going back soon; what was erased since is in it."""
    oldest = (moment - UPGRADE_COPIES_KEPT).timestamp()
    for path in (portal.data_dir / "backups").glob("portal-*.db"):
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)


def sweep_sign_ins(session: Session, moment: datetime, portal: Portal) -> None:
    """A device that was not seen for the period on the settings page is signed out."""
    idle = Preferences.read(session).period("period_session_days")
    sessions.sweep(session, idle_before=moment - idle)


def sweep_links(session: Session, moment: datetime, portal: Portal) -> None:
    """Links in letters end; what waited in them is forgotten."""
    tokens.sweep(session, now=moment)


def sweep_searches(session: Session, moment: datetime, portal: Portal) -> None:
    """Counts of searches end after the period on the settings page."""
    keep = Preferences.read(session).period("period_searches_days")
    searchlog.sweep(session, keep=keep, today=moment.date())


def sweep_guests(session: Session, moment: datetime, portal: Portal) -> None:
    """Addresses that somebody typed and nobody confirmed are not kept."""
    people.sweep_guests(session, created_before=moment - UNPROVED_GUESTS_KEPT)


def close_solved_requests(session: Session, moment: datetime, portal: Portal) -> None:
    """A solved request is closed after the period on the settings page."""
    upkeep.close_solved(session, after=Preferences.read(session).period("period_closing_days"), now=moment)


def sweep_unproved_requests(session: Session, moment: datetime, portal: Portal) -> None:
    """A request whose address nobody confirmed is deleted after the period on the settings page."""
    upkeep.sweep_unproved(session, after=Preferences.read(session).period("period_unproved_days"), now=moment)


def sweep_files(session: Session, moment: datetime, portal: Portal) -> None:
    """Files that no row names: uploads that broke off, and those of requests and articles that are gone."""
    portal.storage.sweep(upkeep.known_files(session) | images.known_files(session))


def ensure_promises(session: Session, moment: datetime, portal: Portal) -> None:
    """A new installation promises something from its first minutes on."""
    sla_service.ensure_defaults(session, time_zone=portal.timezone, now=moment)


def sweep_trials(session: Session, moment: datetime, portal: Portal) -> None:
    """Trials of other promises are for looking at now."""
    trials.sweep(session, before=moment - trials.KEPT)


def sweep_deadlines(session: Session, moment: datetime, portal: Portal) -> None:
    """Near and missed deadlines are told, steps of escalation carried out; in pieces with transactions of their own."""
    sla_sweep.sweep(portal.database, time_zone=portal.timezone, now=moment)


def judge_again(session: Session, moment: datetime, portal: Portal) -> None:
    """After an upgrade: what an earlier version judged is judged again, in pieces with transactions of their own."""
    recomputing.bring_up_to_date(portal.database, now=moment)


def count_usual_waits(session: Session, moment: datetime, portal: Portal) -> None:
    """How long like requests waited of late is told beside the promise."""
    usual_waits.count(session, now=moment)


def recount_tickets(session: Session, ids: Ids, portal: Portal) -> None:
    """A calendar changed: running deadlines follow, some hundred in each transaction."""
    calendar_id, after_id = int(ids["calendar_id"]), int(ids.get("after_id", 0))
    _, last = recounting.recount_of_calendar(session, calendar_id, after_id, now=now())
    if last is not None:
        outbox.put(session, "tickets.recount", run_at=now(), calendar_id=calendar_id, after_id=last)


def move_tickets(session: Session, ids: Ids, portal: Portal) -> None:
    """A promise changed, and open tickets follow, some hundred in each transaction."""
    policy_id, version_id, after_id = (int(ids[name]) for name in ("policy_id", "version_id", "after_id"))
    _, last = policy_edits.carry_out(session, policy_id, version_id, after_id, now=now())
    if last is not None:
        next_ones = {"policy_id": policy_id, "version_id": version_id, "after_id": last}
        outbox.put(session, policy_edits.CHORE, run_at=now(), **next_ones)


LETTERS: dict[str, Letter] = {
    "accounts.confirm_address": accounts_mails.confirm_address,
    "accounts.already_known": accounts_mails.already_known,
    "accounts.reset_password": accounts_mails.reset_password,
    "accounts.password_changed": accounts_mails.password_changed,
    "accounts.invitation": accounts_mails.invitation,
    "accounts.new_address": accounts_mails.new_address,
    "accounts.address_changed_notice": accounts_mails.address_changed_notice,
    "privacy.link": privacy_mails.link,
    "privacy.planned": privacy_mails.planned,
    "privacy.erased": privacy_mails.erased,
    "privacy.prolonged": privacy_mails.prolonged,
    "privacy.refused": privacy_mails.refused,
    "privacy.answered": privacy_mails.answered,
    "privacy.received": privacy_mails.received,
    "privacy.lifted": privacy_mails.lifted,
    officers.LETTER: privacy_mails.to_do,
    export.LETTER: privacy_mails.copy_ready,
    export.NOTES_LETTER: privacy_mails.notes_decided,
    "tickets.received": tickets_mails.received,
    "tickets.agent_replied": tickets_mails.agent_replied,
    "tickets.solved": tickets_mails.solved,
    "tickets.customer_answered": tickets_mails.customer_answered,
    "tickets.reopened": tickets_mails.reopened,
    "tickets.assigned": tickets_mails.assigned,
    "tickets.sla_warning": sla_mails.warning,
    "tickets.sla_breached": sla_mails.breached,
    "tickets.sla_escalation": sla_mails.escalation,
}

CHORES: dict[str, Chore | Batch] = {
    "articles.index": Batch(indexing.index_batch),
    "articles.rebuild": Batch(indexing.rebuild_batch),
    executor.CHORE: Batch(executor.erase_chore, most=1),
    copies.CHORE: Batch(building.chore(ACTIONS), most=1),
    trials.CHORE: Batch(trials.work, most=1),
    "tickets.recount": recount_tickets,
    policy_edits.CHORE: move_tickets,
}

RECURRING: tuple[Recurring, ...] = (
    Recurring("drafts.sweep", timedelta(hours=1), sweep_drafts),
    Recurring("throttle.sweep", timedelta(minutes=10), sweep_throttles),
    Recurring("jobs.sweep", timedelta(hours=1), sweep_jobs),
    Recurring("sign-ins.sweep", timedelta(hours=1), sweep_sign_ins),
    Recurring("links.sweep", timedelta(hours=1), sweep_links),
    Recurring("searches.sweep", timedelta(days=1), sweep_searches),
    Recurring("guests.sweep", timedelta(days=1), sweep_guests),
    Recurring("trials.sweep", timedelta(hours=1), sweep_trials),
    Recurring("sla.defaults", timedelta(hours=1), ensure_promises),
    Recurring("files.sweep", timedelta(hours=6), sweep_files, outside=True),
    Recurring("tickets.deadlines", timedelta(minutes=1), sweep_deadlines, outside=True),
    Recurring("tickets.judge-again", timedelta(hours=1), judge_again, outside=True),
    Recurring("tickets.usual-waits", timedelta(days=1), count_usual_waits),
    Recurring("tickets.close", timedelta(minutes=10), close_solved_requests),
    Recurring("tickets.sweep", timedelta(hours=1), sweep_unproved_requests),
    Recurring("privacy.retention", timedelta(hours=6), retention.sweep, outside=True),
    Recurring("exports.sweep", timedelta(minutes=10), building.sweep, outside=True),
    Recurring("mail.sweep", timedelta(hours=6), sweep_captured_mail, outside=True),
    Recurring("upgrade-copies.sweep", timedelta(hours=6), sweep_upgrade_copies, outside=True),
    Recurring("articles.check-index", timedelta(minutes=1), indexing.check_index, outside=True),
    Recurring("articles.renew-index", timedelta(days=1), indexing.renew_index, outside=True),
)

TABLES = Tables(LETTERS, CHORES, RECURRING)
TIMETABLE_SECONDS = 30.0  # longest pause between looks at RECURRING


def run_once(app: Flask, tables: Tables = TABLES) -> int:
    """Do everything that is due, and what that puts in turn. Gives how many jobs were claimed."""
    worker = Worker(app.extensions["portal"], tables)
    claimed = 0
    with worker.present():
        worker.keep_timetable()
        while found := worker.labour() + worker.deliver():
            claimed += found
    return claimed


def run_forever(app: Flask, tables: Tables = TABLES) -> None:
    """Work until SIGTERM or SIGINT; then finish what is in hand and put back the rest."""
    worker = Worker(app.extensions["portal"], tables)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stopping.set())
    with worker.present():
        lanes = [
            threading.Thread(target=worker.until_stopped, args=(worker.deliver,), name="letters"),
            threading.Thread(target=worker.until_stopped, args=(worker.labour,), name="chores"),
            threading.Thread(
                target=worker.until_stopped, args=(worker.keep_timetable, TIMETABLE_SECONDS), name="timetable"
            ),
        ]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
