"""Where admins read and change the words of the letters, and see what a recipient would get."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, flash, render_template, request
from flask_babel import gettext
from flask_login import current_user
from sqlalchemy.orm import Session

from app import letters
from app.access import needs
from app.accounts import mails as account_mails
from app.admin.forms import LetterForm, letter_form
from app.admin.mail_views import alone
from app.errors import Conflict, NotVisible, Refused
from app.forms import localised_data
from app.i18n import format_date, format_deadline, format_period, gettext_in
from app.letters import Letter, Message
from app.now import now
from app.privacy import mails as privacy_mails
from app.tickets import mails as ticket_mails
from app.tickets import sla_mails
from app.tickets.labels import METRIC
from app.web import commit, db, portal, see
from app.words import N_

bp = Blueprint("letters", __name__)

# Every letter the portal sends, by domain.
SHIPPED: tuple[Letter, ...] = (
    *account_mails.SHIPPED,
    *ticket_mails.SHIPPED,
    *sla_mails.SHIPPED,
    *privacy_mails.SHIPPED,
)
BY_NAME = {letter.name: letter for letter in SHIPPED}

REASON = N_("Here stands why the person gets this letter.")
Words = dict[str, dict[str, str]]


@bp.get("/admin/mail-templates")
@needs("letters.edit")
def index() -> str:
    return render_template("admin/letters/list.html", letters=SHIPPED, changed=letters.changed(db()))


@bp.get("/admin/mail-templates/<name>")
@needs("letters.edit")
def edit(name: str) -> str:
    letter = _known(name)
    words = _words(db(), letter)
    form = letter_form(portal().languages)(data={**words, "based_on": _digest(words)})
    return _editor(letter, form)


@bp.post("/admin/mail-templates/<name>")
@needs("letters.edit")
def change(name: str) -> Any:
    letter = _known(name)
    form = letter_form(portal().languages)(request.form)
    if "preview" in request.form:
        return _editor(letter, form, previews=[_sample(letter, form, lang) for lang in portal().languages])
    if form.validate_on_submit():
        try:
            changed = _store(letter, form)
        except Refused as refused:
            form.refuse(refused)
        else:
            commit()
            flash(gettext("The template was saved.") if changed else gettext("Nothing was changed."), "ok")
            return see(f"/admin/mail-templates/{name}")
    return _editor(letter, form), 422


@bp.post("/admin/mail-templates/<name>/preview/<lang>")
@needs("letters.edit")
def preview(name: str, lang: str) -> Response:
    """The HTML part of what stands in the form, as a mail program shows it. Nothing is kept."""
    if lang not in portal().languages:
        raise NotVisible
    form = letter_form(portal().languages)(request.form)
    return alone(_sample(_known(name), form, lang).html)


@bp.get("/admin/mail-templates/<name>/reset")
@needs("letters.edit")
def ask_to_reset(name: str) -> str:
    return render_template("admin/letters/reset.html", letter=_known(name))


@bp.post("/admin/mail-templates/<name>/reset")
@needs("letters.edit")
def reset(name: str) -> Any:
    letter = _known(name)
    if name in letters.changed(db()):
        letters.change(db(), letter, {}, {}, actor_id=current_user.person_id, now=now())
        commit()
    flash(gettext("The template has its shipped words again."), "ok")
    return see(f"/admin/mail-templates/{name}")


def _known(name: str) -> Letter:
    if name not in BY_NAME:
        raise NotVisible
    return BY_NAME[name]


def _words(session: Session, letter: Letter) -> Words:
    """Subject and body in each language, as they stand now."""
    found: Words = {"subject": {}, "body": {}}
    for lang in portal().languages:
        found["subject"][lang], found["body"][lang] = letters.words(session, letter, lang, gettext_in(lang))
    return found


def _digest(words: Words) -> str:
    return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()[:16]


def _store(letter: Letter, form: LetterForm) -> bool:
    """Keep what differs from the shipped words. False when nothing was changed. Raises `Refused` and `Conflict`."""
    present = _words(db(), letter)
    if form.based_on.data != _digest(present):
        form.based_on.data = _digest(present)  # sent again, it overwrites knowingly
        raise Conflict(N_("Somebody changed this template meanwhile. Your text is still here."))
    subject, body = _own(form.subject, letter.subject), _own(form.body, letter.body)
    if {"subject": _full(subject, letter.subject), "body": _full(body, letter.body)} == present:
        return False
    letters.change(db(), letter, subject, body, actor_id=current_user.person_id, now=now())
    return True


def _own(field: Any, shipped: str) -> dict[str, str]:
    """What was typed, without texts that equal the shipped ones."""
    return {lang: text for lang, text in localised_data(field).items() if text != gettext_in(lang)(shipped)}


def _full(own: dict[str, str], shipped: str) -> dict[str, str]:
    return {lang: own.get(lang) or gettext_in(lang)(shipped) for lang in portal().languages}


def _sample(letter: Letter, form: LetterForm, lang: str) -> Message:
    """The letter as it would arrive, with invented values; an empty field shows the shipped words."""
    translate = gettext_in(lang)
    notice = translate(N_("How we handle your data:"))
    return letters.written(
        _full(localised_data(form.subject), letter.subject)[lang],
        _full(localised_data(form.body), letter.body)[lang],
        to="",
        lang=lang,
        values=samples(lang, portal().base_url),
        footer=f"{translate(REASON)}\n{notice} {portal().base_url}/privacy-notice",
    )


def samples(lang: str, base_url: str) -> dict[str, str]:
    """An invented value for each placeholder of any letter."""
    translate = gettext_in(lang)
    return {
        "greeting": translate(N_("Hello %(name)s,")) % {"name": translate(N_("Alex Example"))},
        "link": f"{base_url}/account/example",
        "period": format_period(timedelta(hours=24), lang),
        "contact": f"{base_url}/contact",
        "sign_in": f"{base_url}/account/sign-in",
        "new_password": f"{base_url}/account/reset",
        "organisation": translate(N_("Example Ltd")),
        "number": "#10482",
        "subject": translate(N_("Coffee machine leaks")),
        "promise": "",
        "clock": translate(METRIC["first_response"]),
        "due": format_deadline(now() + timedelta(hours=4), lang),
        "author": translate(N_("Alex Example")),
        "customer": translate(N_("Alex Example")),
        "text": translate(N_("Here stands the answer of the team.")),
        "state": translate(N_("We are waiting for your reply.")),
        "until": format_date(now() + timedelta(days=14), "long", lang),
        "day": format_date(now() + timedelta(days=7), "long", lang),
        "gone": translate(N_("- Your account")),
        "kept": translate(N_("- Receipts: 8 years from the end of the year")),
        "answer": translate(N_("Here stands what the privacy officer wrote.")),
        "kind": translate(N_("Information")),
    }


def _editor(letter: Letter, form: LetterForm, previews: list[Message] | None = None) -> str:
    return render_template(
        "admin/letters/edit.html",
        letter=letter,
        form=form,
        previews=previews or [],
        changed=letter.name in letters.changed(db()),
    )
