"""The privacy officer's pages: the inbox of requests with their clocks, erasures of persons and parts, legal holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, render_template, request, session
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_login import current_user
from sqlalchemy import select

from app.access import needs
from app.accounts.entry_views import link_rules
from app.accounts.forms import ButtonForm, typed
from app.accounts.models import Person
from app.accounts.queries import folded
from app.errors import NotVisible, Refused
from app.i18n import language
from app.now import now
from app.privacy import export, holds, labels, queries, rights, service
from app.privacy.forms import FormerForm, HoldForm, LookForm, NoteForm, ReviewForm, StartForm, WordsForm
from app.privacy.models import ERASURE, EXPORT, PrivacyRequest
from app.tickets import handling
from app.tickets.labels import RETENTION
from app.tickets.models import FIRST_NUMBER, Ticket
from app.web import commit, db, portal, preferences, see

bp = Blueprint("privacy_admin", __name__)
HERE = "/admin/privacy"
LOOKED = "looked"  # where the browser's session names the restricted request that a reason was given for
LOOK_SECONDS = 15 * 60


def tabs(active: str) -> list[tuple[str, Any, bool, int | None]]:
    """The officer's pages, with how much there is to do on each."""
    found = queries.counts(db(), now=now())
    return [
        (HERE, _("Requests"), active == "requests", found.unfinished or None),
        (f"{HERE}/holds", _("Holds"), active == "holds", found.holds + found.proposed or None),
        (f"{HERE}/find", _("Find a person"), active == "find", None),
        (f"{HERE}/blackout", _("Black out"), active == "blackout", None),
        (f"{HERE}/map", _("Record of processing"), active == "map", None),
        (f"{HERE}/recipients", _("Recipients"), active == "recipients", None),
        (f"{HERE}/consents", _("Consent texts"), active == "consents", None),
    ]


# --- requests --------------------------------------------------------------------------------------------------------


@bp.get(HERE)
@needs("privacy.work")
def inbox() -> str:
    done = request.args.get("view") == "done"
    found = queries.inbox(db(), done=done, after=request.args.get("after"), before=request.args.get("before"))
    return render_template(
        "admin/privacy/inbox.html", page=found, done=done, labels=labels, tabs=tabs("requests"), moment=now()
    )


@bp.route(f"{HERE}/new", methods=["GET", "POST"])
@needs("privacy.work")
def new() -> Any:
    form = StartForm(email=request.args.get("email"))
    if form.validate_on_submit():
        try:
            return see(_start(form))
        except Refused as refused:
            form.refuse(refused)
    page = render_template("admin/privacy/new.html", form=form, tabs=tabs("requests"))
    return page, 422 if form.is_submitted() else 200


def _start(form: StartForm) -> str:
    """Where to go on: a deletion shows its preview first, everything else is written down at once."""
    if form.kind.data == ERASURE:
        known = db().scalar(select(Person.public_id).where(Person.email == folded(typed(form.email))))
        if known is None:
            raise Refused(_NOBODY, "email")
        return f"{HERE}/people/{known}/deletion"
    if form.kind.data == EXPORT:
        return _start_copy(form)
    made = service.start(
        db(),
        str(form.kind.data),
        typed(form.email),
        note=typed(form.note),
        rules=link_rules(),
        grace=preferences().period("period_undo_deletion_days"),
        actor_id=current_user.person_id,
        now=now(),
    )
    commit()
    flash(gettext("Written down. The clock runs."), "ok")
    return f"{HERE}/requests/{made.public_id}"


def _start_copy(form: StartForm) -> str:
    """A copy is made at once."""
    copy = export.ask_for(
        db(),
        typed(form.email),
        note=typed(form.note),
        lang=language(),
        actor_id=current_user.person_id,
        now=now(),
    )
    made = db().get_one(PrivacyRequest, copy.request_id).public_id
    commit()
    flash(gettext("The copy is being made. The person gets a letter when it is there."), "ok")
    return f"{HERE}/requests/{made}"


_NOBODY = service.NOBODY


@bp.route(f"{HERE}/people/<public_id>/deletion", methods=["GET", "POST"])
@needs("privacy.work")
def person_deletion(public_id: str) -> Any:
    person = db().scalar(select(Person).where(Person.public_id == public_id, Person.erased_at.is_(None)))
    if person is None:
        raise NotVisible
    form = NoteForm()
    if form.validate_on_submit():
        try:
            made = service.start(
                db(),
                ERASURE,
                person.email,
                note=typed(form.note),
                former=typed(form.former),
                rules=link_rules(),
                grace=preferences().period("period_undo_deletion_days"),
                actor_id=current_user.person_id,
                now=now(),
            )
        except Refused as refused:
            form.refuse(refused)
        else:
            commit()
            flash(gettext("The account is closed. The deletion runs after the grace period."), "ok")
            return see(f"{HERE}/requests/{made.public_id}")
    page = render_template(
        "admin/privacy/person_deletion.html",
        person=person,
        form=form,
        plan=service.preview(db(), person.id, now=now()),
        labels=labels,
        tabs=tabs("requests"),
    )
    return page, 422 if form.is_submitted() else 200


@bp.get(f"{HERE}/requests/<public_id>")
@needs("privacy.work")
def case(public_id: str) -> str:
    return _case(public_id)


def _case(public_id: str, form: WordsForm | None = None, doing: str = "") -> str:
    found = queries.case(db(), public_id)
    plan = service.plan_of(found.request)
    if plan is None and found.request.kind == ERASURE and found.person is not None:
        plan = service.preview(db(), found.person.id, now=now())
    return render_template(
        "admin/privacy/case.html",
        case=found,
        request_=found.request,
        plan=plan,
        labels=labels,
        form=form or WordsForm(),
        former=FormerForm(formdata=None, former=found.request.former),
        doing=doing,
        moment=now(),
        tabs=tabs("requests"),
        copies=export.of_request(db(), found.request.id),
        first_number=FIRST_NUMBER,
    )


@bp.post(f"{HERE}/requests/<public_id>/<any(answer, refusal, extension):what>")
@needs("privacy.work")
def decide(public_id: str, what: str) -> Any:
    found = queries.case(db(), public_id).request
    form = WordsForm()
    if form.validate_on_submit():
        try:
            act = {"answer": service.answer, "refusal": service.refuse, "extension": service.prolong}[what]
            act(db(), found.id, typed(form.words), actor_id=current_user.person_id, now=now())
        except Refused as refused:
            form.refuse(refused)
        else:
            commit()
            flash(gettext("The person gets a letter about it."), "ok")
            return see(f"{HERE}/requests/{public_id}")
    return _case(public_id, form, what), 422


@bp.post(f"{HERE}/requests/<public_id>/former")
@needs("privacy.work")
def former_names(public_id: str) -> Any:
    form, found = FormerForm(), queries.case(db(), public_id).request
    if not form.validate_on_submit():
        return _case(public_id), 422
    return _act(
        public_id,
        lambda: service.name_former(
            db(), found.id, typed(form.former), actor_id=current_user.person_id, now=now()
        ),
        gettext("Saved. The deletion looks for them too."),
    )


@bp.post(f"{HERE}/requests/<public_id>/lifting")
@needs("privacy.work")
def lift(public_id: str) -> Any:
    found = queries.case(db(), public_id).request
    return _act(
        public_id,
        lambda: rights.lift(db(), found.id, actor_id=current_user.person_id, now=now()),
        gettext("Lifted. The person gets a letter about it."),
    )


def _act(public_id: str, act: Callable[[], object], told: str) -> Any:
    try:
        act()
    except Refused as refused:
        flash(gettext(refused.message), "warn")
    else:
        commit()
        flash(told, "ok")
    return see(f"{HERE}/requests/{public_id}")


@bp.post(f"{HERE}/requests/<public_id>/retry")
@needs("privacy.work")
def retry(public_id: str) -> Any:
    try:
        service.run_now(
            db(), queries.case(db(), public_id).request.id, actor_id=current_user.person_id, now=now()
        )
    except Refused as refused:
        flash(gettext(refused.message), "warn")
    else:
        commit()
        flash(gettext("The worker goes on with it."), "ok")
    return see(f"{HERE}/requests/{public_id}")


# --- a part: one ticket, message or file -------------------------------------------------------------------------------


@bp.get(f"{HERE}/tickets")
@needs("privacy.work")
def ticket_by_number() -> Any:
    wanted = request.args.get("number", "").strip().lstrip("#")
    if not wanted.isdigit():
        raise NotVisible
    return see(f"{HERE}/tickets/{int(wanted)}")


@bp.route(f"{HERE}/tickets/<int:number>", methods=["GET", "POST"])
@needs("privacy.work")
def ticket(number: int) -> Any:
    found = queries.thread(db(), number)
    form = LookForm()
    if form.validate_on_submit():
        service.note_look(
            db(), found.ticket.id, str(form.reason.data), actor_id=current_user.person_id, now=now()
        )
        commit()
        session[LOOKED] = [found.ticket.id, int(now().timestamp())]
        return see(f"{HERE}/tickets/{number}")
    if found.ticket.restricted_at is not None and not _has_looked(found.ticket.id):
        page = render_template(
            "admin/privacy/restricted.html", form=form, number=number, tabs=tabs("find"), path=request.path
        )
        return page, 422 if form.is_submitted() else 200
    with portal().database.light_session() as light:  # written before the page is sent
        handling.note_staff_access(light, viewer=current_user, ticket_id=found.ticket.id, now=now())
        light.commit()
    return render_template(
        "admin/privacy/ticket.html", thread=found, number=number, tabs=tabs("find"), kept_for=RETENTION
    )


@bp.post(f"{HERE}/tickets/<int:number>/retention")
@needs("privacy.work")
def retention(number: int) -> Any:
    try:
        changed = handling.change_retention(
            db(),
            queries.thread(db(), number).ticket.id,
            request.form.get("value") or None,
            which=Ticket.id == number - FIRST_NUMBER,
            actor_id=current_user.person_id,
            now=now(),
        )
    except Refused as refused:
        flash(gettext(refused.message), "warn")
    else:
        if changed:
            commit()
            flash(gettext("Saved."), "ok")
    return see(f"{HERE}/tickets/{number}")


def _has_looked(ticket_id: int) -> bool:
    """Whether the officer gave a reason for looking at this restricted request a moment ago."""
    looked_at, at = session.get(LOOKED, (0, 0))
    return bool(looked_at == ticket_id and now().timestamp() - at < LOOK_SECONDS)


@bp.route(f"{HERE}/parts/<any(ticket, message, file):scope>/<key>", methods=["GET", "POST"])
@needs("privacy.work")
def part(scope: str, key: str) -> Any:
    form = ButtonForm()
    plan = service.preview_part(db(), scope, key, now=now())
    if form.validate_on_submit():
        try:
            made = service.start_part(db(), scope, key, actor_id=current_user.person_id, now=now())
        except Refused as refused:
            form.refuse(refused)
        else:
            commit()
            flash(gettext("The worker deletes it."), "ok")
            return see(f"{HERE}/requests/{made.public_id}")
    page = render_template(
        "admin/privacy/part.html",
        form=form,
        plan=plan,
        scope=scope,
        path=request.path,
        labels=labels,
        tabs=tabs("find"),
        number=service.number_of(db(), scope, key),
    )
    return page, 422 if form.is_submitted() else 200


# --- holds -----------------------------------------------------------------------------------------------------------


@bp.get(f"{HERE}/holds")
@needs("privacy.work")
def hold_list() -> str:
    return _holds(HoldForm(email=request.args.get("email")))


def _holds(form: HoldForm) -> str:
    return render_template(
        "admin/privacy/holds.html",
        holds=holds.listed(db()),
        form=form,
        review=ReviewForm(),
        labels=labels,
        tabs=tabs("holds"),
        moment=now(),
        first_number=FIRST_NUMBER,
        latest=rights.months_after(now(), holds.LONGEST_MONTHS),
    )


@bp.post(f"{HERE}/holds")
@needs("holds.decide")
def propose() -> Any:
    form = HoldForm()
    if form.validate_on_submit():
        try:
            holds.propose(
                db(),
                address=typed(form.email),
                number=form.number.data,
                ground=str(form.ground.data),
                reason=typed(form.reason),
                review_on=form.review_on.data or now().date(),
                actor_id=current_user.person_id,
                now=now(),
            )
        except Refused as refused:
            form.refuse(refused)
        else:
            commit()
            flash(gettext("Proposed. A second administrator must confirm it."), "ok")
            return see(f"{HERE}/holds")
    return _holds(form), 422


@bp.post(f"{HERE}/holds/<public_id>/confirmation")
@needs("holds.decide")
def confirm(public_id: str) -> Any:
    return _decide(lambda: holds.confirm(db(), public_id, actor_id=current_user.person_id, now=now()))


@bp.post(f"{HERE}/holds/<public_id>/release")
@needs("holds.decide")
def release(public_id: str) -> Any:
    return _decide(lambda: holds.release(db(), public_id, actor_id=current_user.person_id, now=now()))


@bp.post(f"{HERE}/holds/<public_id>/review")
@needs("holds.decide")
def review(public_id: str) -> Any:
    form = ReviewForm()
    if not form.validate_on_submit():
        flash(gettext("Enter a day."), "warn")
        return see(f"{HERE}/holds")
    day = form.review_on.data or now().date()
    return _decide(lambda: holds.renew(db(), public_id, day, actor_id=current_user.person_id, now=now()))


def _decide(act: Any) -> Any:
    try:
        act()
    except Refused as refused:
        flash(gettext(refused.message), "warn")
    else:
        commit()
        flash(gettext("Saved."), "ok")
    return see(f"{HERE}/holds")
