"""Publishing legal texts. Every version stays, since people agreed to or were told a certain one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import audit
from app.errors import Conflict, Refused
from app.legal import queries
from app.legal.models import LegalText
from app.words import N_


def publish(
    session: Session,
    page: str,
    lang: str,
    body: str,
    *,
    based_on: int,
    actor_id: int | None,
    now: datetime,
    through: str = "web",
) -> LegalText:
    """Make `body` the next version of a page in a language.

    `based_on` is the version the author had before her; raises `Conflict` when there is a newer one meanwhile and
    `Refused` when nothing was changed.
    """
    before = queries.current(session, page, lang)
    if before.version != based_on:
        raise Conflict(N_("Somebody published another version meanwhile. Your text is still here."))
    if before.version and before.body == body:
        raise Refused(N_("The text is the same as the published version."), "body")
    text = LegalText(
        page=page, lang=lang, version=based_on + 1, body=body, published_at=now, author_id=actor_id
    )
    try:
        with session.begin_nested():
            session.add(text)
    except IntegrityError:
        raise Conflict(N_("Somebody published another version meanwhile. Your text is still here.")) from None
    audit.record(
        session,
        actor_id=actor_id,
        action="legal_text.publish",
        object_kind="legal_text",
        object_id=text.id,
        at=now,
        through=through,
        name=page,
        lang=lang,
        version=text.version,
    )
    return text
