"""What the customers' and the team's pages of a request have in common: the rules, uploads, and files at their address."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Blueprint, abort, request, send_file, session
from flask_login import current_user
from markupsafe import Markup

from app import drafts, markup
from app.errors import NotVisible, Refused
from app.i18n import format_number
from app.now import now
from app.tickets import files, handling, links, queries
from app.tickets.files import Limits
from app.tickets.messages import File
from app.tickets.queries import WORK, ByLink, Reader
from app.tickets.rules import Rules
from app.web import commit, db, portal, preferences, release, see

bp = Blueprint("attachments", __name__)

LINKS, MOST_LINKS = "links", 10  # where the browser's session keeps the links it may open, and how many

# Nothing in a customer's file may run, wherever it is opened (SVG and HTML are not taken in the first place).
FILE_CSP = "default-src 'none'; sandbox; frame-ancestors 'none'"


def rules() -> Rules:
    """What this installation says about requests, as of now."""
    return Rules.of(
        preferences(),
        secret=portal().secret_key,
        time_zone=portal().timezone,
        undo_seconds=portal().undo_seconds,
        limited=portal().rate_limits,
    )


# --- who reads -------------------------------------------------------------------------------------------------------


def remember_link(token: str) -> None:
    """Let this browser open the request of a link whose button was pressed. Only the token's hash is kept, and the
    row behind it is asked every time."""
    known = [kept for kept in session.get(LINKS, []) if kept != links.hash_of(token)]
    session[LINKS] = [*known[-(MOST_LINKS - 1) :], links.hash_of(token)]


def reader_of(ticket_id: int) -> Reader:
    """Who asks for this request: whoever came by its link, else the person who is signed in."""
    hashes = session.get(LINKS)
    if hashes and not current_user.may(WORK):
        found = links.live(db(), hashes, period=rules().link, now=now(), ticket_id=ticket_id)
        if found is not None:
            return ByLink(*found)
    viewer: Reader = current_user._get_current_object()
    return viewer


# --- drafts ----------------------------------------------------------------------------------------------------------


def keep_draft(name: str, back: str) -> Any:
    """Keep what was typed into a form, or forget it."""
    if "discard" in request.form:
        drafts.discard(db(), current_user.person_id, name)
        commit()
        return see(back)
    fields = {key: value for key, value in request.form.items() if key not in ("csrf_token", "send_key")}
    try:
        drafts.save(db(), current_user.person_id, name, fields, now=now())
    except Refused:
        abort(413)
    commit()
    return "", 204


# --- files -----------------------------------------------------------------------------------------------------------


@contextmanager
def uploads() -> Iterator[tuple[File, ...]]:
    """The files of the form, stored before a write session begins; removed again if the block fails.

    Closes the request's session: whatever was read from it stays valid, locks do not. Raises `Refused`.
    """
    limits = Limits.of(preferences())
    release()
    kept = files.keep(portal().storage, request.files.getlist("attachments"), limits)
    try:
        yield kept
    except BaseException:
        files.discard(portal().storage, kept)
        raise


def drop(kept: tuple[File, ...]) -> None:
    """Remove files that came with a form which had been sent before."""
    files.discard(portal().storage, kept)


def note_access(ticket_id: int, attachment_id: int | None = None) -> None:
    """Write down that a member of the team looks, before the page is sent. In a short session of its own: a page that
    is only read opens no write session."""
    with portal().database.light_session() as light:
        handling.note_staff_access(
            light, viewer=current_user, ticket_id=ticket_id, attachment_id=attachment_id, now=now()
        )
        light.commit()


@bp.get("/attachments/<int:attachment_id>/<name>")
def attachment(attachment_id: int, name: str) -> Any:
    """A file, always as a download; the name in the address is only for people."""
    ticket_id = queries.ticket_of_file(db(), attachment_id)
    if ticket_id is None:
        raise NotVisible
    found = queries.file(db(), attachment_id, reader_of(ticket_id))
    path = portal().storage.path(found.storage_key)
    if not path.is_file():
        raise NotVisible
    if current_user.may(WORK):
        note_access(found.ticket_id, found.id)
    response = send_file(path, mimetype=found.content_type, as_attachment=True, download_name=found.name)
    response.headers["Content-Security-Policy"] = FILE_CSP
    response.headers["Cache-Control"] = "private, no-store"
    return response


# --- in templates ----------------------------------------------------------------------------------------------------


@bp.app_template_filter("message")
def message_html(body: str, kind: str) -> Markup:
    """What somebody wrote, as safe HTML."""
    return Markup(markup.message(body) if kind == "markdown" else markup.plain_message(body))  # noqa: S704 (sanitised)


@bp.app_template_filter("filesize")
def file_size(size: int) -> str:
    """A size as people read it, like "1.2 MB"."""
    if size < 1024**2:
        return f"{format_number(max(1, round(size / 1024)))} KB"
    return f"{format_number(round(size / 1024**2, 1))} MB"
