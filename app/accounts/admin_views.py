"""Where admins keep people and their roles, and everybody in the admin area reads who may do what."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, render_template, request
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_login import current_user

from app.access import needs
from app.accounts import directory, organisations, people
from app.accounts.entry_views import link_rules
from app.accounts.forms import (
    ROLE_NAMES,
    SHORT_MEMBERSHIP_NAMES,
    NewPersonForm,
    PersonForm,
    RolesForm,
    typed,
)
from app.accounts.models import CUSTOMER, ROLES, STAFF
from app.accounts.permissions import PERMISSIONS
from app.cleaning import clean_line
from app.errors import Refused
from app.i18n import language
from app.now import now
from app.web import commit, db, portal, see

bp = Blueprint("people_admin", __name__)

KINDS = (("", _("All")), (CUSTOMER, _("Customers")), (STAFF, _("Team")), ("closed", _("Closed accounts")))

# What each action of the table of permissions means, in the order of the page.
ACTION_NAMES = {
    "workspace": _("Work in the team's area"),
    "admin.area": _("Open the administration"),
    "tickets.work": _("Work on requests"),
    "articles.read_internal": _("Read internal articles, and every other one"),
    "articles.edit": _("Write and publish articles"),
    "categories.edit": _("Change categories"),
    "glossary.edit": _("Change the glossary"),
    "synonyms.edit": _("Change synonyms"),
    "searches.read": _("See what people search for"),
    "people.edit": _("Add, change and close people's accounts, give roles"),
    "organisations.edit": _("Change organisations and who belongs to them"),
    "teams.edit": _("Add, rename and delete teams"),
    "teams.members": _("Say who is in a team"),
    "settings.edit": _("Change settings"),
    "request_types.edit": _("Keep the topics of requests"),
    "sla.edit": _("Keep working hours and deadlines"),
    "breaches.excuse": _("Excuse missed deadlines, with a reason"),
    "reports.read": _("Read reports and try other promises"),
    "letters.edit": _("Change the words of letters"),
    "legal.edit": _("Change legal texts"),
    "audit.read": _("Read the audit log"),
    "system.read": _("See the state of the system"),
    "jobs.retry": _("Try failed work again"),
    "privacy.read": _("See what is held about people"),
    "privacy.work": _("Carry out data protection requests, find and black out"),
    "holds.decide": _("Propose, confirm and release legal holds"),
}

CHANGE_NAMES = {
    "person.create": _("Added"),
    "person.edit": _("Changed"),
    "person.roles": _("Roles changed"),
    "person.close": _("Account closed"),
    "person.reopen": _("Account opened again"),
    "person.link": _("Link made"),
}


@bp.get("/admin/people")
@needs("people.edit")
def people_list() -> str:
    query, kind = (clean_line(request.args.get("q")) or "")[:200], request.args.get("kind", "")
    page = directory.people(
        db(), query=query, kind=kind, before=request.args.get("before"), after=request.args.get("after")
    )
    return render_template(
        "admin/people/list.html",
        page=page,
        query=query,
        kind=kind,
        kinds=KINDS,
        belongings=directory.belongings(db(), [row.id for row in page.rows]),
        role_names=ROLE_NAMES,
    )


@bp.route("/admin/people/new", methods=["GET", "POST"])
@needs("people.edit")
def new() -> Any:
    form = NewPersonForm(language=portal().languages[0]).offer_languages(portal().languages)
    form.offer_roles(*directory.role_choices(db()), language())
    if form.validate_on_submit():
        try:
            person_id = _create(form)
        except Refused as refused:
            form.refuse(refused)
        else:
            flash(gettext("The person was added. An invitation is on its way."), "ok")
            return see(f"/admin/people/{person_id}")
    return render_template("admin/people/new.html", form=form), 422 if form.is_submitted() else 200


def _create(form: NewPersonForm) -> int:
    actor_id, moment = current_user.person_id, now()
    person = people.create(
        db(),
        name=typed(form.name),
        address=typed(form.email),
        held=form.held(),
        language=typed(form.language),
        actor_id=actor_id,
        now=moment,
    )
    people.send_link(db(), person.id, rules=link_rules(), actor_id=actor_id, now=moment)
    commit()
    return person.id


@bp.route("/admin/people/<int:person_id>", methods=["GET", "POST"])
@needs("people.edit")
def person(person_id: int) -> Any:
    known = directory.dossier(db(), person_id)
    form = PersonForm(name=known.person.name, email=known.person.email, language=known.person.language)
    if form.offer_languages(portal().languages).validate_on_submit():
        try:
            people.edit(
                db(),
                person_id,
                name=typed(form.name),
                address=typed(form.email),
                language=typed(form.language),
                rules=link_rules(),
                actor_id=current_user.person_id,
                now=now(),
            )
        except Refused as refused:
            form.refuse(refused)
        else:
            return _done(person_id, gettext("Saved."))
    return _person_page(known, form=form), 422 if form.is_submitted() else 200


@bp.post("/admin/people/<int:person_id>/roles")
@needs("people.edit")
def roles_of(person_id: int) -> Any:
    known = directory.dossier(db(), person_id)
    form = RolesForm().offer_roles(known.team_choices, known.category_choices, language(), known.held)
    if form.validate_on_submit():
        try:
            people.set_roles(db(), person_id, form.held(), actor_id=current_user.person_id, now=now())
        except Refused as refused:
            form.refuse(refused)
        else:
            return _done(person_id, gettext("The roles count from now."))
    return _person_page(known, roles_form=form), 422


@bp.post("/admin/people/<int:person_id>/closure")
@needs("people.edit")
def close(person_id: int) -> Any:
    return _try(
        person_id,
        lambda: people.close(db(), person_id, actor_id=current_user.person_id, now=now()),
        gettext("The account is closed. All its devices are signed out."),
    )


@bp.post("/admin/people/<int:person_id>/reopening")
@needs("people.edit")
def reopen(person_id: int) -> Any:
    return _try(
        person_id,
        lambda: people.reopen(db(), person_id, actor_id=current_user.person_id, now=now()),
        gettext("The account is open again."),
    )


@bp.post("/admin/people/<int:person_id>/link")
@needs("people.edit")
def link(person_id: int) -> Any:
    return _try(
        person_id,
        lambda: people.send_link(
            db(), person_id, rules=link_rules(), actor_id=current_user.person_id, now=now()
        ),
        gettext("An email with a link is on its way."),
    )


@bp.post("/admin/people/<int:person_id>/memberships/<int:organisation_id>/removal")
@needs("people.edit")
def leave(person_id: int, organisation_id: int) -> Any:
    return _try(
        person_id,
        lambda: organisations.remove_member(
            db(), organisation_id, person_id, actor_id=current_user.person_id, now=now()
        ),
        gettext("The person does not belong to the organisation any more."),
    )


def _try(person_id: int, change: Any, words: str) -> Any:
    """One change by a button on a person's page; what a rule answers stands above the page."""
    form = PersonForm(formdata=None)
    try:
        change()
    except Refused as refused:
        form.refuse(refused)
        known = directory.dossier(db(), person_id)
        form.process(formdata=None, obj=known.person)
        return _person_page(known, form=form), 422
    return _done(person_id, words)


def _done(person_id: int, words: str) -> Any:
    commit()
    flash(words, "ok")
    return see(f"/admin/people/{person_id}")


def _person_page(
    known: directory.Dossier, form: PersonForm | None = None, roles_form: RolesForm | None = None
) -> str:
    row = known.person
    form = form or PersonForm(formdata=None, name=row.name, email=row.email, language=row.language)
    roles_form = roles_form or RolesForm(formdata=None).offer_roles(
        known.team_choices, known.category_choices, language(), known.held
    )
    return render_template(
        "admin/people/person.html",
        known=known,
        person=row,
        own_form=form.offer_languages(portal().languages),
        roles_form=roles_form,
        form=roles_form if roles_form.errors else form,
        role_names=ROLE_NAMES,
        membership_names=SHORT_MEMBERSHIP_NAMES,
        change_names=CHANGE_NAMES,
    )


@bp.get("/admin/roles")
@needs("admin.area")
def roles() -> str:
    return render_template(
        "admin/people/roles.html",
        actions=[(name, ACTION_NAMES.get(name, name), allowed) for name, allowed in PERMISSIONS.items()],
        roles=ROLES,
        role_names=ROLE_NAMES,
    )
