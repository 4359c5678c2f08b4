"""Who asks at a JSON door: nobody in particular, or the owner of the key in the Authorization header."""

from __future__ import annotations

from flask import request
from werkzeug.wrappers import Response

from app.accounts import api_tokens
from app.accounts.permissions import VISITOR, Viewer
from app.web import db, problem


class Refusal(Exception):
    """The key does not open this door; `answer` is the problem document that says so."""

    def __init__(self, status: int, title: str, detail: str, challenge: str) -> None:
        super().__init__(title)
        self.answer: Response = problem(status, title, detail=detail)
        self.answer.headers["WWW-Authenticate"] = challenge


def caller(*scopes: str) -> Viewer:
    """The viewer behind the request; a visitor where there is no key. Raises `Refusal` for a key that is not valid, and
    for one that has none of these scopes. A cookie counts for nothing here."""
    header = request.headers.get("Authorization", "")
    if not header:
        return VISITOR
    scheme, _, key = header.partition(" ")
    found = api_tokens.owner(db(), key.strip()) if scheme.casefold() == "bearer" else None
    if found is None:
        raise Refusal(
            401, "Not a valid key", "The key is unknown, revoked, or its account is closed.", "Bearer"
        )
    viewer, held = found
    if not held & set(scopes):
        raise Refusal(
            403,
            "Not among the key's scopes",
            f"This needs one of the scopes {', '.join(scopes)}.",
            'Bearer error="insufficient_scope"',
        )
    return viewer
