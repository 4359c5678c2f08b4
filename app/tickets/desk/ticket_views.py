"""One ticket at the desk: its thread with the composer, its fields, its history."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from flask import flash, render_template, request
from flask_babel import gettext
from flask_login import current_user

from app import drafts, markup
from app.access import needs
from app.errors import Conflict, NotVisible, Refused
from app.i18n import language, say
from app.now import now
from app.tickets import corrections, files, handling, labels, queries, service
from app.tickets.desk import reading
from app.tickets.desk.forms import FieldForm, NoteForm, ReplyForm, choose
from app.tickets.desk.views import bp, side
from app.tickets.files import Limits
from app.tickets.messages import File, Sent, Text
from app.tickets.queries import number, on_desk, ticket_id_of
from app.tickets.rules import Rules
from app.tickets.status import Actor, Status, choices
from app.web import commit, db, portal, preferences, release, see


def rules() -> Rules:
    """What the installation says about requests."""
    parts = portal()
    return Rules.of(
        preferences(),
        secret=parts.secret_key,
        time_zone=parts.timezone,
        undo_seconds=parts.undo_seconds,
        limited=parts.rate_limits,
    )


@bp.get("/desk/tickets/<int:shown>")
@needs("tickets.work")
def ticket(shown: int) -> str:
    page = _page(ticket_id_of(shown))
    _note_access(ticket_id_of(shown))
    return page


@bp.get("/desk/tickets/<int:shown>/history")
@needs("tickets.work")
def history(shown: int) -> str:
    head = queries.head(db(), ticket_id_of(shown), on_desk(current_user))
    return render_template(
        "desk/history_fragment.html" if "HX-Request" in request.headers else "desk/history.html",
        head=head,
        number=shown,
        events=queries.history(db(), head.id),
        status_words=labels.STATUS,
        priority_words=labels.PRIORITY,
        workspace_nav=side(),
    )


@bp.post("/desk/tickets/<int:shown>/replies")
@needs("tickets.work")
def reply(shown: int) -> Any:
    form, ticket_id = ReplyForm(), ticket_id_of(shown)
    head = queries.head(db(), ticket_id, on_desk(current_user))
    choose(form.status_after, _statuses(head.status))
    if not form.validate_on_submit():
        return _page(ticket_id, reply_form=form), 422
    seen = form.seen_message.data

    def send(text: Text) -> Sent:
        return service.reply_as_agent(
            db(),
            ticket_id,
            text,
            viewer=current_user,
            rules=rules(),
            now=now(),
            status_after=form.status_after.data,
            seen_message_id=seen,
        )

    return _send(form, send, ticket_id) or (_page(ticket_id, reply_form=form), 422)


@bp.post("/desk/tickets/<int:shown>/notes")
@needs("tickets.work")
def note(shown: int) -> Any:
    form, ticket_id = NoteForm(prefix="note-"), ticket_id_of(shown)
    if not queries.is_visible(db(), ticket_id, current_user):
        raise NotVisible
    if not form.validate_on_submit():
        return _page(ticket_id, note_form=form), 422

    def send(text: Text) -> Sent:
        return service.add_note(db(), ticket_id, text, viewer=current_user, now=now())

    return _send(form, send, ticket_id) or (_page(ticket_id, note_form=form), 422)


def _send(form: Any, send: Callable[[Text], Sent], ticket_id: int) -> Any:
    """Store the files, then the message. None when it was refused: the form says why and keeps its text."""
    uploads, limits = form.attachments.data or [], Limits.of(preferences())
    release()  # files are copied while no transaction is open
    kept: tuple[File, ...] = ()
    try:
        kept = files.keep(portal().storage, uploads, limits)
        sent = send(Text(form.message.data, form.send_key.data, kept))
    except Refused as refused:
        files.discard(portal().storage, kept)
        release()
        if isinstance(refused, Conflict) and "seen_message" in form:
            form.seen_message.raw_data = None
            form.seen_message.data = queries.newest_message_id(db(), ticket_id)
        form.refuse(refused)
        return None
    drafts.discard(db(), current_user.person_id, _draft_name(ticket_id))
    commit()
    if sent.repeated:
        files.discard(portal().storage, kept)
    return see(f"/desk/tickets/{number(ticket_id)}#message-{sent.message_id}")


@bp.post("/desk/tickets/<int:shown>/replies/<int:message_id>/withdrawal")
@needs("tickets.work")
def withdraw(shown: int, message_id: int) -> Any:
    ticket_id = ticket_id_of(shown)
    try:
        body = reading_of_reply(ticket_id, message_id)
        service.withdraw_message(db(), ticket_id, message_id, viewer=current_user, rules=rules(), now=now())
    except Refused as refused:
        flash(say(refused), "warn")
        return see(f"/desk/tickets/{shown}")
    drafts.save(db(), current_user.person_id, _draft_name(ticket_id), {"message": body}, now=now())
    commit()
    flash(gettext("The reply was taken back. Its text is in the reply field."), "ok")
    return see(f"/desk/tickets/{shown}#reply")


def reading_of_reply(ticket_id: int, message_id: int) -> str:
    """The text of one's own reply, to put it back into the field."""
    for row in queries.thread(db(), ticket_id, internal=True):
        if row.id == message_id:
            return str(row.body)
    return ""


@bp.post("/desk/tickets/<int:shown>/draft")
@needs("tickets.work")
def draft(shown: int) -> Any:
    text = request.form.get("message", "")
    if text.strip():
        drafts.save(
            db(), current_user.person_id, _draft_name(ticket_id_of(shown)), {"message": text}, now=now()
        )
    else:
        drafts.discard(db(), current_user.person_id, _draft_name(ticket_id_of(shown)))
    commit()
    return "", 204


@bp.post("/desk/preview")
@needs("tickets.work")
def preview() -> str:
    text = request.form.get("message") or request.form.get("note-message") or ""
    return markup.message(text[:20_000])


# --- fields ----------------------------------------------------------------------------------------------------------


@bp.post("/desk/tickets/<int:shown>/assignment")
@needs("tickets.work")
def assignment(shown: int) -> Any:
    def change(value: str, seen: str) -> None:
        kind, wanted = request.form.get("field", "assignee"), _id(value)
        verb = handling.assign_team if kind == "team" else handling.assign
        verb(db(), ticket_id_of(shown), wanted, seen=_id(seen), viewer=current_user, now=now())

    return _change(shown, change)


@bp.post("/desk/tickets/<int:shown>/status")
@needs("tickets.work")
def status(shown: int) -> Any:
    return _change(
        shown,
        lambda value, seen: handling.change_status(
            db(), ticket_id_of(shown), value, seen=seen, viewer=current_user, now=now()
        ),
    )


@bp.post("/desk/tickets/<int:shown>/priority")
@needs("tickets.work")
def priority(shown: int) -> Any:
    return _change(
        shown,
        lambda value, seen: handling.change_priority(
            db(),
            ticket_id_of(shown),
            value,
            seen=seen,
            viewer=current_user,
            time_zone=portal().timezone,
            now=now(),
        ),
    )


@bp.post("/desk/tickets/<int:shown>/request-type")
@needs("tickets.work")
def request_type(shown: int) -> Any:
    return _change(
        shown,
        lambda value, seen: handling.change_request_type(
            db(),
            ticket_id_of(shown),
            _id(value),
            seen=_id(seen),
            viewer=current_user,
            time_zone=portal().timezone,
            now=now(),
        ),
    )


@bp.post("/desk/tickets/<int:shown>/retention")
@needs("tickets.work")
def retention(shown: int) -> Any:
    return _change(
        shown,
        lambda value, _: handling.change_retention(
            db(),
            ticket_id_of(shown),
            value or None,
            which=on_desk(current_user),
            actor_id=current_user.person_id,
            now=now(),
        ),
    )


@bp.post("/desk/tickets/<int:shown>/subject")
@needs("tickets.work")
def subject(shown: int) -> Any:
    return _change(
        shown,
        lambda value, seen: handling.change_subject(
            db(), ticket_id_of(shown), value[:200], seen=seen, viewer=current_user, now=now()
        ),
    )


@bp.post("/desk/tickets/<int:shown>/tags")
@needs("tickets.work")
def tags(shown: int) -> Any:
    return _change(
        shown,
        lambda value, _: handling.change_tags(
            db(),
            ticket_id_of(shown),
            value.split(","),
            viewer=current_user,
            time_zone=portal().timezone,
            now=now(),
        ),
    )


@bp.post("/desk/tickets/<int:shown>/disposal")
@needs("tickets.work")
def disposal(shown: int) -> Any:
    try:
        handling.dispose(
            db(), ticket_id_of(shown), request.form.get("value", ""), viewer=current_user, now=now()
        )
    except Refused as refused:
        flash(say(refused), "warn")
        return see(f"/desk/tickets/{shown}")
    commit()
    flash(gettext("Ticket #%(number)s was taken out of the queue.", number=shown), "ok")
    return see("/desk/")


def _change(shown: int, change: Callable[[str, str], object]) -> Any:
    """Change one field. Whoever was slower sees the ticket as it is now, with who was faster."""
    form = FieldForm()
    if form.validate_on_submit():
        try:
            change(form.value.data or "", form.seen.data or "")
        except Refused as refused:
            release()
            return _page(ticket_id_of(shown), refused=say(refused)), 422
        commit()
    return see(f"/desk/tickets/{shown}")


def _id(value: str) -> int | None:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 18 else None


# --- the page --------------------------------------------------------------------------------------------------------


def _page(
    ticket_id: int,
    *,
    reply_form: ReplyForm | None = None,
    note_form: NoteForm | None = None,
    refused: str = "",
) -> str:
    head = queries.head(db(), ticket_id, on_desk(current_user))
    thread = queries.thread(db(), ticket_id, internal=True)
    given = {} if reply_form or request.method == "POST" else _kept_draft(ticket_id)
    if reply_form is None:
        reply_form = ReplyForm(formdata=None, send_key=secrets.token_urlsafe(12), **given)
        reply_form.seen_message.data = thread[-1].id if thread else 0
        choose(reply_form.status_after, _statuses(head.status))
        reply_form.status_after.data = str(Status.PENDING)
    note_form = note_form or NoteForm(formdata=None, prefix="note-", send_key=secrets.token_urlsafe(12))
    return render_template(
        "desk/ticket.html",
        head=head,
        number=number(ticket_id),
        thread=thread,
        files=queries.files(db(), ticket_id),
        corrections=corrections.of_ticket(db(), ticket_id),
        form=reply_form,
        note_form=note_form,
        choices=reading.choices(db()),
        tags=reading.tags(db(), ticket_id),
        clocks=reading.clocks(db(), head, now=now()),
        others=reading.others_of(db(), head.requester_id, but=ticket_id, viewer=current_user),
        moves=choices(Status(head.status), Actor.AGENT),
        labels=labels,
        undo=_undoable(thread),
        refused=refused,
        moment=now(),
        named=_named,
        accept=files.ACCEPT,
        workspace_nav=side(),
    )


def _statuses(present: str) -> list[tuple[str, str]]:
    """What a reply may make of the ticket, the present status (open for a new one) among them."""
    stays = Status.OPEN if present == Status.NEW else Status(present)
    allowed = {stays, *choices(Status(present), Actor.AGENT)}
    return [(str(one), gettext(labels.STATUS[one])) for one in Status if one in allowed]


def _undoable(thread: Any) -> Any:
    """The viewer's own last reply while it may still be taken back."""
    for row in reversed(thread):
        mine = row.public and row.author_kind == "agent" and row.author_id == current_user.person_id
        if mine:
            return row if now() < row.created_at + rules().undo else None
    return None


def _named(texts: dict[str, str] | None) -> str:
    return "" if not texts else texts.get(language()) or next(iter(texts.values()), "")


def _kept_draft(ticket_id: int) -> dict[str, str]:
    kept = drafts.load(db(), current_user.person_id, _draft_name(ticket_id))
    return {"message": kept.fields.get("message", "")} if kept else {}


def _draft_name(ticket_id: int) -> str:
    return f"ticket-reply:{ticket_id}"


def _note_access(ticket_id: int) -> None:
    """Write down who looks, before the page is sent. A light transaction: it must not cost the reader a disk flush."""
    with portal().database.light_session() as light:
        handling.note_staff_access(light, viewer=current_user, ticket_id=ticket_id, now=now())
        light.commit()
