"""The search log at the door: from which search a page was come to, told by the browser's own Referer.

No cookie, no identifier, no changed address, and nothing that needs JavaScript. Knows addresses and no article.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from flask import request
from flask_login import current_user
from sqlalchemy.orm import Session

from app import searchlog
from app.cleaning import clean_line
from app.now import now
from app.web import observe_later

_SEARCH = re.compile(r"/([a-z]{2})/search")


def came_from() -> tuple[str, str] | None:
    """Language and text of the search whose results led here; None where something else did."""
    try:
        parts = urlsplit(request.referrer or "")
        given = parse_qs(parts.query, max_num_fields=20)
    except ValueError:
        return None
    found = _SEARCH.fullmatch(parts.path) if parts.netloc == request.host else None
    text = clean_line(given.get("q", [""])[0])
    return (found[1], text) if found and text else None


def note_search(lang: str, text: str, hits: int) -> None:
    """Count a search after its page."""
    own, on = current_user.name, now().date()
    observe_later(lambda light: searchlog.searched(light, text, lang=lang, hits=hits, on=on, own=own))


def note_opened(rank: Callable[[Session, str], int | None]) -> None:
    """Count that a hit was opened, after the page of the article. `rank` gives its place among what a text finds."""
    if (search := came_from()) is None:
        return
    own, on, (lang, text) = current_user.name, now().date(), search

    def write(light: Session) -> None:
        if (place := rank(light, text)) is not None:
            searchlog.clicked(light, text, lang=lang, rank=place, on=on, own=own)

    observe_later(write)


def carried() -> str:
    """What the form of a request carries along, so that its sending can be counted beside the search before it."""
    search = came_from() or _split(request.args.get("searched"))
    return ":".join(search) if search else ""


def note_request(carried: str | None, request_type_id: int | None) -> None:
    """Count that a request was sent after a search, without saying which."""
    if (search := _split(carried)) is None:
        return
    own, on, (lang, text) = current_user.name, now().date(), search
    observe_later(
        lambda light: searchlog.followed(
            light, text, lang=lang, request_type_id=request_type_id, on=on, own=own
        )
    )


def _split(carried: str | None) -> tuple[str, str] | None:
    lang, _, text = (clean_line(carried) or "").partition(":")
    return (lang, text) if text and len(lang) == 2 else None
