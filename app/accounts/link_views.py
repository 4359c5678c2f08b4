"""The pages behind the links in letters. Looking at one uses nothing up; its button or form does."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, render_template, request, session
from flask_babel import gettext
from flask_login import current_user

from app import access
from app.access import signed_in
from app.accounts import invitations, passwords, service, sessions, tokens
from app.accounts.entry_views import SIGNED_UP, known_words
from app.accounts.forms import AcceptForm, ButtonForm, OwnPasswordForm, ResetForm, typed
from app.accounts.limits import SIGN_IN_ACCOUNT, SIGN_IN_NETWORK
from app.accounts.models import Organisation, Person, Token
from app.accounts.tokens import DeadLink
from app.errors import Conflict
from app.now import now
from app.web import commit, count_tries, db, forget_tries, give_back_tries, network, release, see
from app.words import N_

bp = Blueprint("account_links", __name__)


@bp.app_errorhandler(DeadLink)
def dead_link(fault: DeadLink) -> Any:
    """A link that cannot be used any more: the reason and the next step."""
    release()
    return render_template("accounts/dead_link.html", fault=fault), 410 if fault.known else 404


@bp.route("/account/sign-up/<token>", methods=["GET", "POST"])
def confirm(token: str) -> Any:
    waiting = tokens.look(db(), tokens.SIGN_UP, token, now=now())
    form = ButtonForm() if _chosen_here(waiting) else OwnPasswordForm()
    if form.validate_on_submit():
        try:
            if isinstance(form, OwnPasswordForm):
                _prove_choice(waiting, typed(form.password))
            person = service.confirm(db(), token, now=now())
        except service.WrongPassword as refused:
            form.refuse(refused)
        else:
            session.pop(SIGNED_UP, None)
            return _ready_to_sign_in(person, gettext("Your address is confirmed. Sign in now."))
    return _link_page("accounts/confirm.html", waiting, form, by_password=isinstance(form, OwnPasswordForm))


def _chosen_here(waiting: Token) -> bool:
    """Whether the password that a sign-up waits with was chosen in this browser."""
    return session.get(SIGNED_UP) == passwords.fingerprint(waiting.pending_password_hash or "")


def _prove_choice(waiting: Token, password: str) -> None:
    """In another browser only who knows the password opens the account: a stranger may have signed up with the
    address, and would own the account once its owner pressed the button. Raises `WrongPassword`."""
    person = db().get_one(Person, waiting.person_id)
    tries = (SIGN_IN_ACCOUNT, person.email), (SIGN_IN_NETWORK, network())
    count_tries(*tries)
    release()
    if not passwords.matches(waiting.pending_password_hash, password):
        raise service.WrongPassword("password", N_("This is not the password that was chosen at sign-up."))
    give_back_tries(*tries)


def _link_page(template: str, token: Token, form: Any, **values: Any) -> Any:
    """The page behind a link, naming the account it is about."""
    person = db().get(Person, token.person_id)
    page = render_template(template, form=form, person=person, token=token, path=request.path, **values)
    return page, 422 if form.is_submitted() else 200


@bp.route("/account/reset/<token>", methods=["GET", "POST"])
def reset(token: str) -> Any:
    form = ResetForm()
    waiting = tokens.look(db(), tokens.RESET, token, now=now())
    if form.validate_on_submit():
        try:
            password_hash = _hash_for(waiting, typed(form.password))
        except passwords.Unfit as refused:
            form.refuse(refused)
        else:
            person = service.reset(db(), token, password_hash, now=now())
            return _ready_to_sign_in(person, gettext("Your new password counts from now. Sign in with it."))
    return _link_page("accounts/new_password.html", waiting, form)


def _hash_for(waiting: Token, password: str, *more: str) -> str:
    """The hash of a password for the owner of a link; the request's session is closed meanwhile."""
    person = db().get(Person, waiting.person_id)
    about = known_words(*more, *((person.name, person.email) if person else ()))
    passwords.check(password, about=about)
    release()
    return passwords.hashed(password)


def _ready_to_sign_in(person: Person, words: str) -> Any:
    """Keep what a link brought about; then on to the sign-in page, signed out and without tries counted before."""
    if current_user.session_id is not None:
        sessions.forget(db(), current_user.session_id)
    commit()
    forget_tries((SIGN_IN_ACCOUNT, person.email))
    access.sign_out()
    flash(words, "ok")
    return see("/account/sign-in")


@bp.route("/account/invitation/<token>", methods=["GET", "POST"])
def invitation(token: str) -> Any:
    waiting = tokens.look(db(), tokens.INVITATION, token, now=now())
    person = db().get_one(Person, waiting.person_id)
    organisation = db().get(Organisation, waiting.organisation_id) if waiting.organisation_id else None
    is_new = person.password_hash is None
    form = AcceptForm(name=_said_name(person)) if is_new else ButtonForm()
    if form.validate_on_submit():
        try:
            password_hash = _hash_for(waiting, typed(form.password), typed(form.name)) if is_new else None
            name = typed(form.name) if is_new else ""
            person = invitations.accept(db(), token, name=name, password_hash=password_hash, now=now())
        except passwords.Unfit as refused:
            form.refuse(refused)
        else:
            if is_new:
                return _ready_to_sign_in(person, gettext("Your account is ready. Sign in now."))
            commit()
            flash(gettext("You have accepted the invitation."), "ok")
            return see("/account/")
    return _link_page("accounts/invitation.html", waiting, form, organisation=organisation, is_new=is_new)


def _said_name(person: Person) -> str:
    """The name somebody gave her; none where only her address is known."""
    return "" if person.name == person.email.rpartition("@")[0] else person.name


@bp.route("/account/address/<token>", methods=["GET", "POST"])
@signed_in
def new_address(token: str) -> Any:
    waiting = tokens.look(db(), tokens.NEW_ADDRESS, token, now=now())
    if waiting.person_id != current_user.person_id:
        raise DeadLink(tokens.NEW_ADDRESS, known=False)
    form = ButtonForm()
    if form.validate_on_submit():
        try:
            service.confirm_new_address(db(), token, person_id=current_user.person_id, now=now())
        except Conflict as refused:
            form.refuse(refused)
        else:
            commit()
            flash(gettext("Your new address counts from now."), "ok")
            return see("/account/")
    return _link_page("accounts/new_address.html", waiting, form)
