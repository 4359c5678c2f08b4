"""A ticket opened at the desk for somebody who called, wrote or came by."""

from __future__ import annotations

import secrets
from typing import Any

from flask import render_template
from flask_babel import gettext
from flask_login import current_user

from app.access import needs
from app.errors import Refused
from app.i18n import language
from app.now import now
from app.tickets import files, labels, opening, queries
from app.tickets.desk.forms import NewTicketForm, choose
from app.tickets.desk.ticket_views import rules
from app.tickets.desk.views import bp, side
from app.tickets.files import Limits
from app.tickets.messages import File, Request
from app.web import commit, db, portal, preferences, release, see

CHANNELS = ("phone", "visit", "letter", "desk")


@bp.get("/desk/tickets/new")
@needs("tickets.work")
def new() -> str:
    form = _prepared(NewTicketForm(formdata=None, send_key=secrets.token_urlsafe(12)))
    return _page(form)


@bp.post("/desk/tickets/new")
@needs("tickets.work")
def create() -> Any:
    form = _prepared(NewTicketForm())
    if not form.validate_on_submit():
        return _page(form), 422
    kind = next((one for one in queries.request_types(db()) if str(one.id) == form.request_type.data), None)
    limits = Limits.of(preferences())
    release()
    kept: tuple[File, ...] = ()
    try:
        kept = files.keep(portal().storage, form.attachments.data or [], limits)
        sent = opening.open_on_behalf(
            db(),
            Request(
                subject=form.subject.data or "",
                body=form.message.data or "",
                send_key=form.send_key.data or "",
                language=language(),
                kind=kind,
                files=kept,
                channel=form.channel.data,
            ),
            viewer=current_user,
            address=form.email.data or "",
            name=form.name.data or "",
            first_message=form.first_message.data,
            priority=form.priority.data,
            rules=rules(),
            now=now(),
        )
    except Refused as refused:
        files.discard(portal().storage, kept)
        release()
        form.refuse(refused)
        return _page(form), 422
    commit()
    if sent.repeated:
        files.discard(portal().storage, kept)
    return see(f"/desk/tickets/{queries.number(sent.ticket_id)}")


def _prepared(form: NewTicketForm) -> NewTicketForm:
    choose(form.channel, [(code, gettext(labels.CHANNEL[code])) for code in CHANNELS])
    choose(form.priority, [(code, gettext(words)) for code, words in labels.PRIORITY.items()])
    kinds = [(str(one.id), one.named(language())) for one in queries.request_types(db())]
    choose(form.request_type, [("", gettext("None")), *kinds])
    choose(
        form.first_message,
        [
            ("customer", gettext("what the customer said")),
            ("agent_public", gettext("a message to the customer")),
            ("internal", gettext("an internal note")),
        ],
    )
    if form.priority.data is None:
        form.priority.data = "normal"
    return form


def _page(form: NewTicketForm) -> str:
    return render_template("desk/new.html", form=form, accept=files.ACCEPT, workspace_nav=side())
