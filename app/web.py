"""The Flask side of the house: the portal's parts at hand in a request, sessions at the door, headers, error pages.

Knows no domain. Views open nothing themselves: `db()` is the request's one session, `commit()` ends its work.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import IO, Any, TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, Request, Response, current_app, g, redirect, render_template, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from app import throttle
from app.db import Database
from app.errors import NotVisible, Throttled
from app.mail import Transport
from app.now import now
from app.preferences import Preferences
from app.storage import Storage
from app.uploads import ROOM, Upload
from app.words import N_

log = logging.getLogger(__name__)
csrf = CSRFProtect()

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
FORWARDING = ("X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Forwarded", "Via")
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]", "::1")

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Portal:
    """The parts of one installation, as plain values, for views and the worker."""

    database: Database
    storage: Storage
    transport: Transport
    data_dir: Path
    search_dir: Path
    captured_mail_dir: Path
    base_url: str
    secret_key: str
    languages: tuple[str, ...]
    timezone: str
    mail_from: str
    mail_captured: bool
    rate_limits: bool
    undo_seconds: int
    demo: bool
    metrics_token: str
    ledger_folders: tuple[Path, ...]
    ledger_keys: tuple[str, ...]
    backup_key: str


def portal() -> Portal:
    """The installation this request or command belongs to."""
    return cast(Portal, current_app.extensions["portal"])


def init(app: Flask, parts: Portal) -> None:
    """Hang the parts, the door, the headers and the error pages on the app."""
    app.extensions["portal"] = parts
    app.request_class = Sent
    csrf.init_app(app)
    app.before_request(_refuse_odd_addresses)
    app.after_request(_add_headers)
    app.after_request(_observe)
    app.teardown_request(_close_session)
    app.register_error_handler(NotVisible, lambda _: error_page(404))
    app.register_error_handler(Throttled, _throttled)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(DBAPIError, _database_fault)
    app.register_error_handler(HTTPException, _http_fault)
    app.register_error_handler(Exception, _program_fault)


class Sent(Request):
    """A request whose files are taken in by `app.uploads`, so that a form with too much comes back with its words."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._room, self._uploads = [ROOM], list[Upload]()

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        self._uploads.append(Upload(self._room))
        return cast(IO[bytes], self._uploads[-1])

    def close(self) -> None:
        """Also what arrived before the connection broke is let go of."""
        super().close()
        for upload in self._uploads:
            upload.close()


# --- the database in a request -----------------------------------------------------------------------------------


def db() -> Session:
    """The request's session, opened at first use: writing for POST and its like, reading for GET and HEAD."""
    if "session" not in g:
        g.session_stack = ExitStack()
        writes = request.method not in ("GET", "HEAD", "OPTIONS")
        g.session = g.session_stack.enter_context(portal().database.session(write=writes))
    return cast(Session, g.session)


def commit() -> None:
    """End the request's work: everything or nothing. Called once, by the view."""
    db().commit()


def preferences() -> Preferences:
    """The settings kept in the database, read once a request."""
    if "preferences" not in g:
        g.preferences = Preferences.read(db())
    return cast(Preferences, g.preferences)


def release() -> None:
    """Close the request's session early, before slow work (hashing a password) that needs no database; the next
    `db()` opens a new one."""
    stack = g.pop("session_stack", None)
    g.pop("session", None)
    if stack is not None:
        stack.close()


def _close_session(fault: BaseException | None) -> None:
    release()


def observe_later(write: Callable[[Session], None]) -> None:
    """Write an observation when the answer has been sent and the request's session closed, in a short transaction of
    its own: the reader does not wait for it."""
    g.setdefault("observations", []).append(write)


def _observe(response: Response) -> Response:
    writes: list[Callable[[Session], None]] = g.pop("observations", [])
    if writes:
        response.call_on_close(partial(_write, portal().database, writes))
    return response


def _write(database: Database, writes: list[Callable[[Session], None]]) -> None:
    for write in writes:
        try:
            with database.light_session() as light:
                write(light)
                light.commit()
        except DBAPIError:
            log.warning("an observation could not be written", exc_info=True)


def count_tries(*counted: tuple[throttle.Limit, str]) -> None:
    """Count one more try under each limit ("sign-in" of this address, of this network), in a transaction of its own.

    Raises `Throttled`, answered by 429 with the time of the next try. Called before the request's work: it closes the
    request's session. Counts nothing where the installation's limits are switched off.
    """
    if not portal().rate_limits:
        return
    release()
    moment, wait = now(), 0
    with portal().database.light_session() as light:
        for limit, subject in counted:
            key = {"secret": portal().secret_key}
            if throttle.tries(light, limit, subject, now=moment, **key) > limit.most:
                ends_at = throttle.ends_at(light, limit, subject, **key) or moment
                wait = max(wait, 1, int((ends_at - moment).total_seconds()))
        light.commit()
    if wait:
        raise Throttled(N_("Too many tries."), wait)


def give_back_tries(*counted: tuple[throttle.Limit, str]) -> None:
    """Tries that were right after all do not count. Closes the request's session too."""
    _change_tries(throttle.give_back, counted)


def forget_tries(*counted: tuple[throttle.Limit, str]) -> None:
    """Start these counts over. Closes the request's session too."""
    _change_tries(throttle.forget, counted)


def _change_tries(change: Callable[..., None], counted: tuple[tuple[throttle.Limit, str], ...]) -> None:
    release()
    with portal().database.light_session() as light:
        for limit, subject in counted:
            change(light, limit, subject, secret=portal().secret_key)
        light.commit()


# --- who is asking, from where -----------------------------------------------------------------------------------


def network() -> str:
    """The asker's network address, as far as the configured proxies are trusted."""
    return request.remote_addr or ""


def short_network() -> str:
    """The address without its last part (IPv4 /24, IPv6 /48), all that is ever stored."""
    address = network()
    if ":" in address:
        return ":".join(address.split(":")[:3]) + "::"
    return ".".join([*address.split(".")[:3], "0"]) if address.count(".") == 3 else ""


def is_local() -> bool:
    """Whether the request comes from this very host without a proxy between (then no forwarding header)."""
    host = urlsplit(f"//{request.host}").hostname or ""
    return (
        (request.environ.get("werkzeug.proxy_fix.orig") or request.environ).get("REMOTE_ADDR")
        in ("127.0.0.1", "::1")
        and host in LOOPBACK_NAMES
        and not any(name in request.headers for name in FORWARDING)
    )


def from_this_site() -> bool:
    """Whether a POST without a CSRF token came from one of our own pages (Sec-Fetch-Site, else Origin)."""
    fetch_site = request.headers.get("Sec-Fetch-Site")
    if fetch_site:
        return fetch_site == "same-origin"
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc == request.host


def without_token(view: View) -> View:
    """For POSTs of readers who have no session: passes by origin instead of by CSRF token."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs) if from_this_site() else error_page(400)

    return cast(View, csrf.exempt(checked))


def safe_target(address: str | None) -> str | None:
    """An address to return to, if it is one of our own pages."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")) or "\\" in address:
        return None
    try:
        current_app.url_map.bind("").match(urlsplit(address).path)
    except HTTPException:
        return None
    return address


def see(address: str) -> AnyResponse:
    """The answer to every POST that succeeded: 303 to the next page."""
    return redirect(address, 303)


SEARCHED = ("q", "text")  # what is searched for may hold anything: its doors clean it (`app.cleaning`)


def _refuse_odd_addresses() -> AnyResponse | None:
    values = (value for name, value in request.args.items(multi=True) if name not in SEARCHED)
    if "\x00" in request.path or any("\x00" in value for value in values):
        return current_app.make_response(error_page(404))
    return None


# --- headers --------------------------------------------------------------------------------------------------


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if response.mimetype == "text/html":
        response.headers.setdefault("Cache-Control", "no-store")
    response.headers.add("Vary", "Cookie")
    return response


def remember_by_etag(html: str) -> AnyResponse:
    """A page that is the same for everybody signed out: answered by 304 while it has not changed."""
    response = current_app.make_response(html)
    response.headers["Cache-Control"] = "private, no-cache"
    response.set_etag(hashlib.blake2b(html.encode(), digest_size=12).hexdigest(), weak=True)
    response.vary.add("Accept-Language")
    return response.make_conditional(request)


# --- error pages -------------------------------------------------------------------------------------------------


def error_page(status: int, **values: Any) -> tuple[str, int]:
    """The page for a status, in the reader's language."""
    return render_template(f"errors/{status}.html", **values), status


def _http_fault(fault: HTTPException) -> Any:
    if fault.response is not None or (fault.code or 500) < 400:
        return fault
    status = fault.code or 500
    if request.path.startswith("/api/"):
        return problem(status, fault.name)
    if status in (400, 403, 404, 405, 413, 429, 503):
        page = current_app.make_response(error_page(status))
        if status == 405 and fault.get_response().headers.get("Allow"):
            page.headers["Allow"] = fault.get_response().headers["Allow"]
        return page
    return error_page(400 if status < 500 else 500)


def problem(status: int, title: str, **more: Any) -> AnyResponse:
    """An error of the JSON doors, as a problem document (RFC 9457)."""
    text = current_app.json.dumps({"type": "about:blank", "title": title, "status": status, **more})
    return Response(text, status, mimetype="application/problem+json")


def _throttled(fault: Throttled) -> Any:
    from datetime import timedelta

    page = current_app.make_response(error_page(429, retry_at=now() + timedelta(seconds=fault.retry_after)))
    page.headers["Retry-After"] = str(fault.retry_after)
    return page


def _stale_form(fault: CSRFError) -> Any:
    """A form without a valid token: from our own pages it comes back with everything typed, to be sent again."""
    release()
    return error_page(400, stale=True, typed=typed() if from_this_site() else {})


def _database_fault(fault: DBAPIError) -> Any:
    reference = _note("the database refused", fault)
    _stand_alone()
    return error_page(503, reference=reference, typed=typed() if from_this_site() else {})


def _program_fault(fault: Exception) -> Any:
    reference = _note("a request failed", fault)
    _stand_alone()
    return error_page(500, reference=reference, typed=typed() if from_this_site() else {})


def _stand_alone() -> None:
    """From here on the page asks neither the database nor for the person."""
    release()
    g.preferences = Preferences({})
    if "_login_user" not in g:
        g._login_user = current_app.login_manager.anonymous_user()  # type: ignore[attr-defined]


def _note(what: str, fault: Exception) -> str:
    """Write the fault to the log under a short reference, without the values of the request."""
    reference = secrets.token_hex(4).upper()
    # The statement's parameters would put typed text into the log.
    cause: BaseException = fault.orig if isinstance(fault, DBAPIError) and fault.orig else fault
    log.error("%s: reference %s, %s %s", what, reference, request.method, request.endpoint, exc_info=cause)
    return reference


def typed() -> Mapping[str, list[str]]:
    """What the person had typed, without secrets and files, to give it back to her."""
    try:
        fields = request.form.to_dict(flat=False)
    except HTTPException:
        return {}
    return {
        name: values for name, values in fields.items() if "password" not in name and name != "csrf_token"
    }
