"""Articles for tests, written through the service as editors write them."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from app.articles import service
from app.articles.audience import Audience, audience
from app.articles.models import ArticleText
from app.articles.service import Content, Door
from app.now import now

PUBLIC = Audience("public")
BODY = "Öffnen Sie die Übersicht.\n\n## Schritte\n\n1. Wählen Sie **Speichern**."


def door(actor_id: int | None = None, **given: Any) -> Door:
    return Door(actor_id, now(), **given)


def content(title: str = "Rechnung ändern", **given: Any) -> Content:
    values = {"summary": "So geht es.", "keywords": ("Beleg",), "body": BODY, **given}
    return Content(title, **values)


def draft(
    session: Session,
    title: str = "Rechnung ändern",
    *,
    lang: str = "de",
    slug: str = "",
    tokens: tuple[str, ...] = ("public",),
    category_id: int | None = None,
    **given: Any,
) -> ArticleText:
    """An article with one text that readers do not see."""
    return service.create(
        session,
        lang=lang,
        slug=slug,
        content=content(title, **given),
        category_id=category_id,
        audience=audience(tokens),
        door=door(),
    )


def published(session: Session, title: str = "Rechnung ändern", **given: Any) -> ArticleText:
    """The same, published."""
    text = draft(session, title, **given)
    service.publish(session, text, door=door())
    return text


def translated(
    session: Session, text: ArticleText, title: str, *, lang: str = "en", **given: Any
) -> ArticleText:
    """A published text of the same article in another language."""
    from app.articles.models import Article

    article = session.get_one(Article, text.article_id)
    made = service.add_text(
        session, article, lang=lang, slug=given.pop("slug", ""), content=content(title, **given), door=door()
    )
    service.publish(session, made, door=door())
    return made
