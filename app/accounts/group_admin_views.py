"""Where admins keep organisations and teams, and leads their own team."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, render_template, request
from flask_babel import gettext
from flask_login import current_user

from app.access import needs
from app.accounts import directory, invitations, organisations, teams
from app.accounts.entry_views import link_rules
from app.accounts.forms import (
    SHORT_MEMBERSHIP_NAMES,
    MemberForm,
    OrganisationForm,
    TeamForm,
    TeamMemberForm,
    choices,
    typed,
)
from app.accounts.models import LEAD
from app.accounts.queries import lock_person_with
from app.cleaning import clean_line
from app.errors import NotVisible, Refused
from app.now import now
from app.web import commit, db, portal, see

bp = Blueprint("groups_admin", __name__)


# --- organisations -----------------------------------------------------------------------------------------------


@bp.get("/admin/organisations")
@needs("organisations.edit")
def organisation_list() -> str:
    query = (clean_line(request.args.get("q")) or "")[:200]
    page = directory.organisations(
        db(), query=query, before=request.args.get("before"), after=request.args.get("after")
    )
    return render_template("admin/organisations/list.html", page=page, query=query)


@bp.route("/admin/organisations/new", methods=["GET", "POST"])
@needs("organisations.edit")
def new_organisation() -> Any:
    form = OrganisationForm()
    if form.validate_on_submit():
        try:
            made = organisations.create(
                db(),
                name=typed(form.name),
                slug=typed(form.slug),
                actor_id=current_user.person_id,
                now=now(),
            )
        except Refused as refused:
            form.refuse(refused)
        else:
            return _done(f"/admin/organisations/{made.id}", gettext("The organisation was added."))
    return render_template("admin/organisations/new.html", form=form), 422 if form.is_submitted() else 200


@bp.route("/admin/organisations/<int:organisation_id>", methods=["GET", "POST"])
@needs("organisations.edit")
def organisation(organisation_id: int) -> Any:
    known = directory.organisation(db(), organisation_id)
    form = OrganisationForm(name=known.name, slug=known.slug)
    if form.validate_on_submit():
        try:
            organisations.edit(
                db(),
                organisation_id,
                name=typed(form.name),
                slug=typed(form.slug) or known.slug,
                actor_id=current_user.person_id,
                now=now(),
            )
        except Refused as refused:
            form.refuse(refused)
        else:
            return _done(f"/admin/organisations/{organisation_id}", gettext("Saved."))
    return _organisation_page(known, form=form), 422 if form.is_submitted() else 200


@bp.post("/admin/organisations/<int:organisation_id>/members")
@needs("organisations.edit")
def add_member(organisation_id: int) -> Any:
    known = directory.organisation(db(), organisation_id)
    form = MemberForm()
    if form.validate_on_submit():
        try:
            words = _add_or_invite(organisation_id, typed(form.email), typed(form.role))
        except Refused as refused:
            form.refuse(refused)
        else:
            return _done(f"/admin/organisations/{organisation_id}", words)
    return _organisation_page(known, member_form=form), 422


def _add_or_invite(organisation_id: int, address: str, role: str) -> str:
    """A known person belongs at once; to anybody else an invitation goes."""
    actor_id, moment = current_user.person_id, now()
    if lock_person_with(db(), address) is not None:
        organisations.add_member(db(), organisation_id, address, role, actor_id=actor_id, now=moment)
        return str(gettext("The person belongs to the organisation now."))
    invitations.invite_to(
        db(),
        organisation_id,
        address,
        role,
        language=portal().languages[0],
        rules=link_rules(),
        actor_id=actor_id,
        now=moment,
    )
    return str(gettext("The invitation is on its way."))


@bp.post("/admin/organisations/<int:organisation_id>/members/<int:person_id>/role")
@needs("organisations.edit")
def change_role(organisation_id: int, person_id: int) -> Any:
    known = directory.organisation(db(), organisation_id)
    if organisations.role_of(db(), organisation_id, person_id) is None:
        raise NotVisible
    role, form = request.form.get("role", ""), MemberForm(formdata=None)
    try:
        organisations.set_role(
            db(), organisation_id, person_id, role, actor_id=current_user.person_id, now=now()
        )
    except Refused as refused:
        form.refuse(refused)
        return _organisation_page(known, member_form=form), 422
    return _done(f"/admin/organisations/{organisation_id}", gettext("The role counts from now."))


@bp.post("/admin/organisations/<int:organisation_id>/members/<int:person_id>/removal")
@needs("organisations.edit")
def remove_member(organisation_id: int, person_id: int) -> Any:
    organisations.remove_member(db(), organisation_id, person_id, actor_id=current_user.person_id, now=now())
    return _done(
        f"/admin/organisations/{organisation_id}",
        gettext("The person does not belong to the organisation any more."),
    )


@bp.post("/admin/organisations/<int:organisation_id>/invitations/<int:token_id>/withdrawal")
@needs("organisations.edit")
def withdraw(organisation_id: int, token_id: int) -> Any:
    invitations.withdraw(db(), organisation_id, token_id, actor_id=current_user.person_id, now=now())
    return _done(f"/admin/organisations/{organisation_id}", gettext("The invitation is withdrawn."))


def _organisation_page(
    known: Any, form: OrganisationForm | None = None, member_form: MemberForm | None = None
) -> str:
    form = form or OrganisationForm(formdata=None, name=known.name, slug=known.slug)
    member_form = member_form or MemberForm(formdata=None)
    return render_template(
        "admin/organisations/organisation.html",
        organisation=known,
        own_form=form,
        member_form=member_form,
        form=member_form if member_form.errors else form,
        members=directory.members(
            db(), known.id, before=request.args.get("before"), after=request.args.get("after")
        ),
        invited=directory.invited(db(), known.id, now=now()),
        role_names=SHORT_MEMBERSHIP_NAMES,
    )


# --- teams -------------------------------------------------------------------------------------------------------


@bp.get("/admin/teams")
@needs("teams.members")
def team_list() -> str:
    return render_template("admin/teams/list.html", teams=directory.teams(db(), _own_teams()))


@bp.route("/admin/teams/new", methods=["GET", "POST"])
@needs("teams.edit")
def new_team() -> Any:
    form = TeamForm()
    if form.validate_on_submit():
        try:
            made = teams.create(db(), typed(form.name), actor_id=current_user.person_id, now=now())
        except Refused as refused:
            form.refuse(refused)
        else:
            return _done(f"/admin/teams/{made.id}", gettext("The team was added."))
    return render_template("admin/teams/new.html", form=form), 422 if form.is_submitted() else 200


@bp.get("/admin/teams/<int:team_id>")
@needs("teams.members")
def team(team_id: int) -> Any:
    return _team_page(_visible_team(team_id))


@bp.post("/admin/teams/<int:team_id>")
@needs("teams.edit")
def rename_team(team_id: int) -> Any:
    known, form = _visible_team(team_id), TeamForm()
    if form.validate_on_submit():
        try:
            teams.rename(db(), team_id, typed(form.name), actor_id=current_user.person_id, now=now())
        except Refused as refused:
            form.refuse(refused)
        else:
            return _done(f"/admin/teams/{team_id}", gettext("Saved."))
    return _team_page(known, form=form), 422


@bp.post("/admin/teams/<int:team_id>/deletion")
@needs("teams.edit")
def delete_team(team_id: int) -> Any:
    known, form = _visible_team(team_id), TeamForm(formdata=None)
    try:
        teams.delete(db(), team_id, actor_id=current_user.person_id, now=now())
    except Refused as refused:
        form.name.data = known.name
        form.refuse(refused)
        return _team_page(known, form=form), 422
    return _done("/admin/teams", gettext("The team was deleted."))


@bp.post("/admin/teams/<int:team_id>/members")
@needs("teams.members")
def add_to_team(team_id: int) -> Any:
    known, form = _visible_team(team_id), TeamMemberForm()
    form.person_id.choices = choices(directory.staff_outside(db(), team_id))
    if form.validate_on_submit():
        try:
            teams.add_member(db(), team_id, form.person_id.data, actor_id=current_user.person_id, now=now())
        except Refused as refused:
            form.refuse(refused)
        else:
            return _done(f"/admin/teams/{team_id}", gettext("The person is in the team now."))
    return _team_page(known, member_form=form), 422


@bp.post("/admin/teams/<int:team_id>/members/<int:person_id>/removal")
@needs("teams.members")
def remove_from_team(team_id: int, person_id: int) -> Any:
    _visible_team(team_id)
    teams.remove_member(db(), team_id, person_id, actor_id=current_user.person_id, now=now())
    return _done(f"/admin/teams/{team_id}", gettext("The person is not in the team any more."))


def _own_teams() -> list[int] | None:
    """The teams a lead leads; None for who may change every team."""
    if current_user.may("teams.edit"):
        return None
    return [held.team_id for held in current_user.held if held.role == LEAD and held.team_id is not None]


def _visible_team(team_id: int) -> Any:
    if not current_user.may("teams.members", team_id=team_id):
        raise NotVisible
    return directory.team(db(), team_id)


def _team_page(known: Any, form: TeamForm | None = None, member_form: TeamMemberForm | None = None) -> str:
    form = form or TeamForm(formdata=None, name=known.name)
    if member_form is None:
        member_form = TeamMemberForm(formdata=None)
        member_form.person_id.choices = choices(directory.staff_outside(db(), known.id))
    return render_template(
        "admin/teams/team.html",
        team=known,
        own_form=form,
        member_form=member_form,
        form=member_form if member_form.errors else form,
        members=directory.team_members(db(), known.id),
    )


def _done(address: str, words: str) -> Any:
    commit()
    flash(words, "ok")
    return see(address)
