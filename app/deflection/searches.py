"""From what was searched to what is to be written: the names of requests that followed, and an editor's next draft."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.permissions import Viewer
from app.articles import service
from app.articles.audience import Audience
from app.articles.models import PUBLIC, ArticleText
from app.articles.service import LONGEST_TITLE, Content, Door
from app.tickets.models import RequestType


def type_names(session: Session, lang: str) -> dict[int, str]:
    """Names of all request types in a language, by id."""
    rows = session.execute(select(RequestType.id, RequestType.name))
    return {number: name.get(lang) or next(iter(name.values()), "") for number, name in rows}


def begin_article(session: Session, text: str, *, lang: str, viewer: Viewer, door: Door) -> ArticleText:
    """A draft whose title and keyword is what was searched. Its owner is who begins it; an editor limited to a category
    writes it there. Raises `Refused` for an empty text."""
    title = text[:1].upper() + text[1:LONGEST_TITLE]
    own = [held.category_id for held in viewer.held if held.category_id is not None]
    everywhere = any(held.category_id is None for held in viewer.held)
    return service.create(
        session,
        lang=lang,
        slug="",
        content=Content(title, "", (text[:LONGEST_TITLE],) if text else (), ""),
        category_id=None if everywhere or not own else own[0],
        audience=Audience(PUBLIC),
        door=door,
    )
