"""Who asks for her data: signed in, or by a link that was sent to her address. Nobody else learns whether we know it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Blueprint, g, render_template, request, session
from flask_login import current_user

from app.accounts import tokens
from app.accounts.entry_views import link_rules
from app.accounts.forms import ButtonForm, typed
from app.accounts.limits import LETTER_ADDRESS, LETTER_NETWORK
from app.accounts.models import Person
from app.accounts.queries import folded, hash_token
from app.accounts.tokens import PRIVACY
from app.errors import NotVisible
from app.now import now
from app.privacy import service
from app.privacy.forms import AddressForm
from app.web import commit, count_tries, db, network, see

bp = Blueprint("privacy_identity", __name__)
View = TypeVar("View", bound=Callable[..., Any])
KEPT = "privacy"  # where the browser's session holds the hash of a used link


@dataclass(frozen=True, slots=True)
class Asker:
    """The person asking. `by_link`: her address was proved just now, and there may be no password."""

    person_id: int
    name: str
    email: str
    by_link: bool


def asker() -> Asker | None:
    """Who asks in this request; None for a stranger."""
    if "asker" not in g:
        g.asker = _asker()
    return cast("Asker | None", g.asker)


def asking() -> Asker:
    """The same on a page that only she can reach (`own_data`)."""
    found = asker()
    if found is None:
        raise NotVisible
    return found


def _asker() -> Asker | None:
    if current_user.is_authenticated:
        return Asker(current_user.person_id, current_user.name, current_user.email, by_link=False)
    token_hash = session.get(KEPT)
    person = service.came_by_link(db(), str(token_hash), now=now()) if token_hash else None
    return Asker(person.id, person.name, person.email, by_link=True) if person else None


def own_data(view: View) -> View:
    """A page about the asker's own data; a stranger is asked for her address first."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs) if asker() else _identify(AddressForm())

    return cast(View, checked)


def _identify(form: AddressForm) -> Any:
    page = render_template("privacy/identify.html", form=form)
    return page, 422 if form.is_submitted() and form.errors else 200


@bp.post("/privacy/link")
def send_link() -> Any:
    form = AddressForm()
    if not form.validate_on_submit():
        return _identify(form)
    count_tries((LETTER_ADDRESS, folded(typed(form.email))), (LETTER_NETWORK, network()))
    service.send_link(db(), typed(form.email), rules=link_rules(), now=now())
    commit()
    return see("/privacy/link/sent")


@bp.get("/privacy/link/sent")
def link_sent() -> str:
    return render_template("privacy/link_sent.html")


@bp.route("/privacy/link/<token>", methods=["GET", "POST"])
def link(token: str) -> Any:
    waiting = tokens.look(db(), PRIVACY, token, now=now())
    form = ButtonForm()
    if form.validate_on_submit():
        _, person = tokens.take(db(), PRIVACY, token, now=now())
        person.proved_at = person.proved_at or now()
        commit()
        session[KEPT] = hash_token(token)
        return see("/privacy/")
    person = db().get_one(Person, waiting.person_id)
    page = render_template("privacy/link.html", form=form, person=person, path=request.path)
    return page, 422 if form.is_submitted() else 200
