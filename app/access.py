"""Signing in at the door: cookies, the person behind a request, pages for some only.

Knows Flask-Login and no table; the factory hands it the function that loads a person by her session token.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Flask, abort, flash, g, redirect, request, session, url_for
from flask_babel import gettext
from flask_login import LoginManager, current_user, login_user, logout_user
from sqlalchemy.orm import Session

from app.web import db

View = TypeVar("View", bound=Callable[..., Any])
Loader = Callable[[Session, str], Any]
KEPT = ("lang", "theme")  # what a device remembers across signing in and out


def init(app: Flask, *, load: Loader, visitor: Any, secure: bool) -> None:
    """Set up the cookie and who stands behind it. `load` gives the person of a live session token or None."""
    app.config.update(
        SESSION_COOKIE_NAME="__Host-session" if secure else "session",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=365 * 86_400,  # the row in the database decides much earlier
    )
    manager = LoginManager(app)
    manager.session_protection = (
        None  # a session is a row that can be ended; tying it to a network signs people out
    )
    manager.anonymous_user = lambda: visitor
    manager.user_loader(lambda token: load(db(), token))


def sign_in(person: Any) -> None:
    """Let the cookie carry a new session; nothing of an earlier one survives."""
    kept = {name: session[name] for name in KEPT if name in session}
    session.clear()
    session.update(kept)
    session.permanent = True
    login_user(person)
    g.pop("language", None)


def sign_out() -> None:
    """Take the session out of the cookie; its row is ended by the caller."""
    kept = {name: session[name] for name in KEPT if name in session}
    logout_user()
    session.clear()
    session.update(kept)


def signed_in(view: View) -> View:
    """A page for anybody who has signed in; others are asked to, and come back here."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs) if current_user.is_authenticated else ask_to_sign_in()

    return cast(View, checked)


def needs(action: str) -> Callable[[View], View]:
    """A page for those who may do `action`; 403 for others, since the areas where this is used are no secret."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            if not current_user.is_authenticated:
                return ask_to_sign_in()
            if not current_user.may(action):
                abort(403)
            return view(*args, **kwargs)

        checked.needs_action = action  # type: ignore[attr-defined]
        return cast(View, checked)

    return decorate


def ask_to_sign_in() -> Any:
    """Send a visitor to the sign-in page, remembering where she wanted to go."""
    flash(gettext("Sign in to continue."), "info")
    target = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("accounts.sign_in", next=target), 303)
