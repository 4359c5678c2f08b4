"""Captured mail of a trial: the letters that would have been sent, read on this host only.

It exists with the demo, while mail is captured, for a browser on this very host; elsewhere there is no such page.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

from flask import Blueprint, Response, render_template, request
from markupsafe import Markup, escape

from app.errors import NotVisible
from app.paging import ROWS
from app.web import is_local, portal

bp = Blueprint("captured_mail", __name__)

KEY = re.compile(r"[\w-]{1,80}")
# The letter's own inline styles are all it may have: no script, no image, no form, no way to our session.
ALONE = "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Captured:
    """One letter in the list."""

    key: str
    to: str
    subject: str
    at: datetime


def on_this_host(view: View) -> View:
    """A page that exists only for a trial on this host."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if not (portal().demo and portal().mail_captured and is_local()):
            raise NotVisible
        return view(*args, **kwargs)

    return cast(View, checked)


@bp.get("/mail/")
@on_this_host
def index() -> str:
    places = _places()
    newer, start = _around(places, request.args.get("after", ""))
    shown = places[start : start + ROWS]
    return render_template(
        "admin/mail/list.html",
        letters=[_captured(path) for _, path in shown],
        newer=newer,
        older=_place(shown[-1]) if start + ROWS < len(places) else None,
    )


@bp.get("/mail/<key>")
@on_this_host
def show(key: str) -> str:
    path = _file(key)
    message = _read(path)
    return render_template(
        "admin/mail/letter.html",
        letter=_captured(path),
        sender=str(message["From"] or ""),
        text=_linked(_part(message, "plain")),
        letter_lang=str(message["Content-Language"] or ""),
    )


@bp.get("/mail/<key>/html")
@on_this_host
def html(key: str) -> Response:
    """The HTML part as a mail program shows it, cut off from the portal."""
    return alone(_part(_read(_file(key)), "html"))


def alone(html_text: str) -> Response:
    """A letter's HTML at its own address: no script runs, nothing is fetched, the portal's session is out of reach."""
    response = Response(html_text, mimetype="text/html")
    response.headers["Content-Security-Policy"] = ALONE
    return response


def _places() -> list[tuple[int, Path]]:
    """The files with the time they were written, newest first."""
    found = []
    for path in portal().captured_mail_dir.glob("*.eml"):
        try:
            found.append((path.stat().st_mtime_ns, path))
        except FileNotFoundError:  # swept just now
            continue
    return sorted(found, key=lambda place: (place[0], place[1].name), reverse=True)


def _place(place: tuple[int, Path]) -> str:
    return f"/mail/?after={place[0]}-{place[1].stem}"


def _around(places: list[tuple[int, Path]], after: str) -> tuple[str | None, int]:
    """Where the page before begins and the number of the first letter of this one."""
    moment, _, name = after.partition("-")
    if not moment.isascii() or not moment.isdigit():
        return None, 0
    here = (int(moment), f"{name}.eml")
    start = sum((at, path.name) >= here for at, path in places)
    before = start - ROWS
    return ("/mail/" if before <= 0 else _place(places[before - 1])) if start else None, start


def _file(key: str) -> Path:
    path = portal().captured_mail_dir / f"{key}.eml"
    if not KEY.fullmatch(key) or not path.is_file():
        raise NotVisible
    return path


def _read(path: Path) -> EmailMessage:
    try:
        return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    except FileNotFoundError:
        raise NotVisible from None


def _captured(path: Path) -> Captured:
    message, at = _read(path), datetime.fromtimestamp(int(path.stat().st_mtime), UTC)
    return Captured(path.stem, str(message["To"] or ""), str(message["Subject"] or ""), at)


def _part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    if body is None:
        raise NotVisible
    return str(body.get_content())


def _linked(text: str) -> Markup:
    """The text with the portal's own addresses as links; they lead to this portal, under whatever name it is open."""
    own = re.compile(re.escape(portal().base_url) + r"(/[^\s<>\"]*)?")
    pieces, done = [], 0
    for found in own.finditer(text):
        address = found[1] or "/"
        end = len(address) - len(address.rstrip(".,;:!?)"))
        stop = found.end() - end
        pieces += [
            escape(text[done : found.start()]),
            _link(text[found.start() : stop], address[: len(address) - end]),
        ]
        done = stop
    return Markup("").join([*pieces, escape(text[done:])])


def _link(words: str, address: str) -> Markup:
    return Markup('<a href="{}">{}</a>').format(address, words)
