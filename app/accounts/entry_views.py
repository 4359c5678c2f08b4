"""The doors to an account: signing in and out, signing up, asking for a new password.

No answer here tells a stranger whether an address is known, neither by words nor by the time it takes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, session
from flask_babel import gettext
from flask_login import current_user

from app import access
from app.accounts import devices, passwords, queries, service, sessions
from app.accounts.forms import AddressForm, SignInForm, SignUpForm, typed
from app.accounts.limits import LETTER_ADDRESS, LETTER_NETWORK, SIGN_IN_ACCOUNT, SIGN_IN_NETWORK
from app.accounts.permissions import Viewer
from app.accounts.queries import Credentials, folded
from app.accounts.tokens import LinkRules
from app.i18n import language
from app.now import now
from app.web import (
    commit,
    count_tries,
    db,
    give_back_tries,
    is_local,
    network,
    portal,
    preferences,
    release,
    safe_target,
    see,
    short_network,
)

bp = Blueprint("accounts", __name__)

CLOSING = "closing"  # where the browser's session names the account whose deletion may be taken back
SIGNED_UP = "signed_up"  # where it names the password that was chosen here, until the address is confirmed


def link_rules() -> LinkRules:
    """How links are made in this installation, as of now."""
    return LinkRules.of(preferences(), portal().secret_key)


def known_words(*more: str) -> tuple[str, ...]:
    """Words that anybody would try as a password here."""
    return (*more, *preferences()["company_name"].values())


# --- signing in and out ----------------------------------------------------------------------------------------


@bp.route("/account/sign-in", methods=["GET", "POST"])
def sign_in() -> Any:
    form = SignInForm(next=request.args.get("next"))
    if form.validate_on_submit():
        try:
            viewer = _signed_in(form)
        except service.WrongPassword as refused:
            form.refuse(refused)
        except service.Closing as closing:
            session[CLOSING] = [closing.person_id, int(now().timestamp())]
            return see("/privacy/deletion/closed")
        else:
            access.sign_in(viewer)
            return see(_start_of(viewer, form.next.data))
    elif request.method == "GET" and current_user.is_authenticated:
        return redirect(_start_of(current_user, form.next.data), 303)
    page = render_template("accounts/sign_in.html", form=form, sign_up_open=preferences()["sign_up_open"])
    return page, 422 if form.is_submitted() else 200


def _signed_in(form: SignInForm) -> Viewer:
    """Check what was typed and begin a session. Raises `WrongPassword`, `Throttled` and `Closing`."""
    tries = (SIGN_IN_ACCOUNT, folded(typed(form.email))), (SIGN_IN_NETWORK, network())
    replacing = current_user.session_id
    count_tries(*tries)
    release()
    with portal().database.session(write=False) as looking:
        checked = queries.credentials_with(looking, typed(form.email))
        closing = queries.credentials_of_closing(looking, typed(form.email))
    right = passwords.matches(checked.password_hash or closing.password_hash, typed(form.password))
    if right and closing.person_id is not None:
        give_back_tries(*tries)
        raise service.Closing(closing.person_id)
    if not right or checked.person_id is None or checked.password_hash is None:
        raise service.WrongPassword
    renewed_hash = passwords.renewed(checked.password_hash, typed(form.password))
    give_back_tries(*tries)
    token = service.sign_in(
        db(),
        checked,
        renewed_hash=renewed_hash,
        device=devices.label(request.user_agent.string),
        network=short_network(),
        replacing=replacing,
        now=now(),
    )
    viewer = queries.viewer_of_person(db(), checked.person_id)
    if viewer is None:
        raise service.WrongPassword
    commit()
    return replace(viewer, token=token)


def _start_of(viewer: Viewer, wanted: str | None) -> str:
    """Where a person lands: where she wanted to go, else the admin area for those who work there."""
    return safe_target(wanted) or ("/admin/" if viewer.may("admin.area") else "/")


@bp.post("/account/sign-out")
def sign_out() -> Any:
    if current_user.session_id is not None:
        sessions.forget(db(), current_user.session_id)
        commit()
    access.sign_out()
    flash(gettext("You are signed out."), "ok")
    return see("/account/sign-in")


# --- signing up ------------------------------------------------------------------------------------------------


@bp.route("/account/sign-up", methods=["GET", "POST"])
def sign_up() -> Any:
    if request.method == "GET" and current_user.is_authenticated:
        return redirect("/account/", 303)
    if not preferences()["sign_up_open"]:
        return render_template("accounts/sign_up_closed.html"), 422 if request.method == "POST" else 200
    form = SignUpForm()
    if form.validate_on_submit():
        try:
            _put_sign_up(form)
        except passwords.Unfit as refused:
            form.refuse(refused)
        else:
            return see("/account/sign-up/sent")
    page = render_template("accounts/sign_up.html", form=form)
    return page, 422 if form.is_submitted() else 200


def _put_sign_up(form: SignUpForm) -> None:
    passwords.check(typed(form.password), about=known_words(typed(form.name), typed(form.email)))
    _count_letter(typed(form.email))
    password_hash = passwords.hashed(typed(form.password))
    service.sign_up(
        db(),
        name=typed(form.name),
        address=typed(form.email),
        password_hash=password_hash,
        language=language(),
        rules=link_rules(),
        now=now(),
    )
    commit()
    session[SIGNED_UP] = passwords.fingerprint(password_hash)


def _count_letter(address: str) -> None:
    count_tries((LETTER_ADDRESS, folded(address)), (LETTER_NETWORK, network()))
    release()


@bp.get("/account/sign-up/sent")
def sign_up_sent() -> str:
    return render_template("accounts/sent.html", about="sign_up", mail_url=_captured_mail())


def _captured_mail() -> str | None:
    """Where the letters of a demo on one's own machine lie."""
    return safe_target("/mail/") if portal().demo and portal().mail_captured and is_local() else None


# --- a new password --------------------------------------------------------------------------------------------


@bp.route("/account/reset", methods=["GET", "POST"])
def request_reset() -> Any:
    form = AddressForm()
    if form.validate_on_submit():
        _count_letter(typed(form.email))
        service.request_reset(
            db(),
            typed(form.email),
            sign_up_open=preferences()["sign_up_open"],
            rules=link_rules(),
            now=now(),
        )
        commit()
        return see("/account/reset/sent")
    return render_template("accounts/reset.html", form=form), 422 if form.is_submitted() else 200


@bp.get("/account/reset/sent")
def reset_sent() -> str:
    return render_template("accounts/sent.html", about="reset", mail_url=_captured_mail())


def checked_password(password: str, person_id: int) -> Credentials:
    """The credentials of a signed-in person who typed her password again. Closes the request's session.

    Raises `Refused` for a wrong one, and `Throttled`.
    """
    address = queries.credentials_of(db(), person_id).email
    tries = (SIGN_IN_ACCOUNT, address), (SIGN_IN_NETWORK, network())
    count_tries(*tries)
    release()
    with portal().database.session(write=False) as session:
        checked = queries.credentials_of(session, person_id)
    if not passwords.matches(checked.password_hash, password):
        raise service.WrongPassword("current")
    give_back_tries(*tries)
    return checked
