"""A person's own pages: profile, security, the organisations she manages; and the choice of language and theme, which
visitors have too."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, current_app, flash, render_template, request, session, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.exceptions import HTTPException

from app.access import signed_in
from app.accounts import directory, invitations, organisations, passwords, queries, service, sessions
from app.accounts.entry_views import checked_password, known_words, link_rules
from app.accounts.forms import (
    SHORT_MEMBERSHIP_NAMES,
    MemberForm,
    NewAddressForm,
    PasswordForm,
    ProfileForm,
    typed,
)
from app.accounts.limits import INVITATION_ORGANISATION, LETTER_ADDRESS, LETTER_NETWORK
from app.accounts.models import MANAGER
from app.accounts.queries import folded
from app.errors import NotVisible, Refused, Throttled
from app.now import now
from app.web import (
    commit,
    count_tries,
    db,
    network,
    portal,
    safe_target,
    see,
    without_token,
)

bp = Blueprint("account", __name__)


# --- profile -----------------------------------------------------------------------------------------------------


@bp.route("/account/", methods=["GET", "POST"])
@signed_in
def profile() -> Any:
    form = ProfileForm(name=current_user.name, language=current_user.language)
    if form.offer_languages(portal().languages).validate_on_submit():
        service.change_profile(
            db(), current_user.person_id, name=typed(form.name), language=typed(form.language)
        )
        commit()
        flash(gettext("Saved."), "ok")
        return see("/account/")
    page = render_template(
        "accounts/profile.html",
        form=form,
        organisations=queries.own_organisations(db(), current_user.person_id),
        role_names=SHORT_MEMBERSHIP_NAMES,
        manager=MANAGER,
    )
    return page, 422 if form.is_submitted() else 200


@bp.route("/account/address", methods=["GET", "POST"])
@signed_in
def address() -> Any:
    form = NewAddressForm()
    if form.validate_on_submit():
        try:
            _ask_for_address(form)
        except Throttled:
            raise
        except Refused as refused:
            form.refuse(refused)
        else:
            words = gettext("We have sent an email to the new address. Open the link in it to confirm.")
            flash(words, "ok")
            return see("/account/")
    return render_template("accounts/address.html", form=form), 422 if form.is_submitted() else 200


def _ask_for_address(form: NewAddressForm) -> None:
    checked_password(typed(form.current), current_user.person_id)
    count_tries((LETTER_ADDRESS, folded(typed(form.email))), (LETTER_NETWORK, network()))
    service.request_new_address(
        db(), current_user.person_id, typed(form.email), rules=link_rules(), now=now()
    )
    commit()


# --- security ----------------------------------------------------------------------------------------------------


@bp.route("/account/security", methods=["GET", "POST"])
@signed_in
def security() -> Any:
    form = PasswordForm()
    if form.validate_on_submit():
        try:
            _change_password(form)
        except Throttled:
            raise
        except Refused as refused:
            form.refuse(refused)
        else:
            flash(gettext("Your new password counts from now. All other devices are signed out."), "ok")
            return see("/account/security")
    page = render_template(
        "accounts/security.html",
        form=form,
        devices=queries.devices(db(), current_user.person_id),
        this_one=current_user.session_id,
    )
    return page, 422 if form.is_submitted() else 200


def _change_password(form: PasswordForm) -> None:
    viewer = current_user
    passwords.check(typed(form.password), about=known_words(viewer.name, viewer.email))
    checked = checked_password(typed(form.current), viewer.person_id)
    password_hash = passwords.hashed(typed(form.password))
    service.change_password(db(), checked, password_hash, session_id=viewer.session_id, now=now())
    commit()


@bp.post("/account/sessions/<int:session_id>/end")
@signed_in
def end_session(session_id: int) -> Any:
    sessions.end(db(), current_user.person_id, session_id)
    commit()
    flash(gettext("The device is signed out."), "ok")
    return see("/account/security")


@bp.post("/account/sessions/end")
@signed_in
def end_other_sessions() -> Any:
    sessions.end_all(db(), current_user.person_id, but=current_user.session_id)
    commit()
    flash(gettext("All other devices are signed out."), "ok")
    return see("/account/security")


# --- organisations that she manages --------------------------------------------------------------------------------


@bp.get("/account/organisation/<slug>")
@signed_in
def organisation(slug: str) -> Any:
    return _organisation(_managed(slug), MemberForm())


@bp.post("/account/organisation/<slug>/invitations")
@signed_in
def invite(slug: str) -> Any:
    organisation_id = _managed(slug)
    form = MemberForm()
    if form.validate_on_submit():
        try:
            _invite(organisation_id, form)
        except Throttled:
            raise
        except Refused as refused:
            form.refuse(refused)
        else:
            flash(gettext("The invitation is on its way."), "ok")
            return see(f"/account/organisation/{slug}")
    return _organisation(organisation_id, form), 422


def _invite(organisation_id: int, form: MemberForm) -> None:
    count_tries(
        (INVITATION_ORGANISATION, str(organisation_id)),
        (LETTER_ADDRESS, folded(typed(form.email))),
        (LETTER_NETWORK, network()),
    )
    invitations.invite_to(
        db(),
        organisation_id,
        typed(form.email),
        typed(form.role),
        language=current_user.language,
        rules=link_rules(),
        actor_id=current_user.person_id,
        now=now(),
    )
    commit()


@bp.post("/account/organisation/<slug>/invitations/<int:token_id>/withdrawal")
@signed_in
def withdraw(slug: str, token_id: int) -> Any:
    invitations.withdraw(db(), _managed(slug), token_id, actor_id=current_user.person_id, now=now())
    commit()
    flash(gettext("The invitation is withdrawn."), "ok")
    return see(f"/account/organisation/{slug}")


@bp.post("/account/organisation/<slug>/members/<public_id>/removal")
@signed_in
def remove_member(slug: str, public_id: str) -> Any:
    organisation_id = _managed(slug)
    person_id = directory.member(db(), organisation_id, public_id)
    try:
        organisations.remove_member(
            db(),
            organisation_id,
            person_id,
            actor_id=current_user.person_id,
            now=now(),
            keep_manager=True,
        )
    except Refused as refused:
        form = MemberForm(formdata=None)
        form.refuse(refused)
        return _organisation(organisation_id, form), 422
    commit()
    flash(gettext("The person does not belong to the organisation any more."), "ok")
    return see("/account/" if person_id == current_user.person_id else f"/account/organisation/{slug}")


def _managed(slug: str) -> int:
    """The id of an organisation that this person manages. Raises `NotVisible` for any other."""
    for organisation_id, known, role in current_user.organisations:
        if known == slug and role == MANAGER:
            return int(organisation_id)
    raise NotVisible


def _organisation(organisation_id: int, form: MemberForm) -> str:
    before, after = request.args.get("before"), request.args.get("after")
    return render_template(
        "accounts/organisation.html",
        form=form,
        organisation=directory.organisation(db(), organisation_id),
        members=directory.members(db(), organisation_id, before=before, after=after),
        invited=directory.invited(db(), organisation_id, now=now()),
        role_names=SHORT_MEMBERSHIP_NAMES,
    )


# --- language and appearance, for visitors too ---------------------------------------------------------------------


@bp.post("/language")
@without_token
def language() -> Any:
    chosen = request.form.get("lang", "")
    if chosen not in portal().languages:
        raise NotVisible
    if current_user.is_authenticated:
        service.choose_language(db(), current_user.person_id, chosen)
        commit()
    else:
        session["lang"] = chosen
        session.permanent = True
    return see(_same_page_in(chosen))


@bp.post("/theme")
@without_token
def theme() -> Any:
    chosen = request.form.get("theme", "")
    if chosen not in service.THEMES:
        raise NotVisible
    if current_user.is_authenticated:
        service.choose_theme(db(), current_user.person_id, chosen)
        commit()
    else:
        session["theme"] = chosen
        session.permanent = True
    return see(_page_before())


def _page_before() -> str:
    """The page the person came from, if it is one of ours."""
    parts = urlsplit(request.referrer or "")
    if parts.netloc != request.host:
        return "/"
    return safe_target(f"{parts.path}?{parts.query}" if parts.query else parts.path) or "/"


def _same_page_in(lang: str) -> str:
    """The page the person came from in another language. One whose address differs by more than the language has no
    counterpart here (its own page links to it where there is one): then the start page."""
    address = _page_before()
    path, _, query = address.partition("?")
    try:
        endpoint, values = current_app.url_map.bind("").match(path)
    except HTTPException:
        return "/"
    if "lang" not in values:
        return address
    if set(values) != {"lang"}:
        return f"/{lang}/"
    return url_for(endpoint, lang=lang) + (f"?{query}" if query else "")
