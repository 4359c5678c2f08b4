"""The texts that come with the portal: articles on the portal itself, and the glossary.

Loaded into a help centre once; after an upgrade a changed text replaces its older form only where nobody has edited
it here, else it waits as a draft beside the edited one.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

import knowledge_base
from app import outbox
from app.articles import editions, glossary, importing, service
from app.articles.entries import Entry, TermEntry
from app.articles.importing import CATEGORIES, GRACE, Outcome, Source
from app.articles.models import PUBLISHED, ArticleText, GlossaryTerm
from app.articles.service import Door
from app.errors import Refused
from knowledge_base.document import LANGUAGES

CONTENT = Path(knowledge_base.__file__).parent / "content"


def shipped(name: str) -> list[Source]:
    """The shipped articles of a set (`starter`, `demo`), or the `glossary`, in all languages."""
    found = [
        source
        for lang in LANGUAGES
        if (CONTENT / lang / name).is_dir()
        for source in importing.read(CONTENT / lang / name, lang=lang)
    ]
    return sorted(
        found, key=lambda source: isinstance(source.item, Entry) and bool(source.item.translation_of)
    )


def load(session: Session, *, door: Door) -> Outcome:
    """Load or update the starter articles, their categories and the glossary. The caller commits and follows
    (`importing.follow`)."""
    outcome = Outcome()
    importing.take_categories(session, CONTENT / CATEGORIES, only="starter", door=door)
    for source in [*shipped("starter"), *shipped("glossary")]:
        try:
            if isinstance(source.item, Refused):
                raise source.item
            with session.begin_nested():
                if isinstance(source.item, TermEntry):
                    done = _term(session, source.item, door)
                else:
                    done, touched = _article(session, source.item, door)
                    outcome.touched |= touched
            setattr(outcome, done, getattr(outcome, done) + 1)
        except Refused as fault:
            outcome.faults.append(f"{source.where}: {fault}")
    if outcome.added or outcome.changed:
        editions.turn(session)
    if outcome.touched:
        net = outbox.put(session, "articles.rebuild", run_at=door.now + GRACE)
        session.flush()
        outcome.safety_nets.append(net.id)
    return outcome


def _article(session: Session, item: Entry, door: Door) -> tuple[str, set[int]]:
    text = session.scalar(
        select(ArticleText).where(ArticleText.lang == item.lang, ArticleText.starter == item.slug)
    )
    if text is None:
        taken = select(ArticleText.id).where(ArticleText.lang == item.lang, ArticleText.slug == item.slug)
        if session.scalar(taken) is not None:
            return "unchanged", set()  # somebody's own article has this address; it stays
        target, _ = importing.target_of(session, item)
        done, touched = importing.take_article(session, item, target, door)
        text = session.scalars(
            select(ArticleText).where(ArticleText.lang == item.lang, ArticleText.slug == item.slug)
        ).one()
        text.starter, text.starter_digest = item.slug, item.content.digest
        session.flush()
        return done, touched
    if text.starter_digest == item.content.digest:
        return "unchanged", set()
    return _update(session, text, item, door)


def _update(session: Session, text: ArticleText, item: Entry, door: Door) -> tuple[str, set[int]]:
    """Bring a new form of a shipped text. An editor's own unpublished draft is not buried: the text waits."""
    shown = text.current_number or text.latest_number
    if shown != text.latest_number:
        return "unchanged", set()
    untouched = service.revision(session, text.id, shown).digest == text.starter_digest
    service.save(session, text, item.content, slug=text.slug, based_on=None, door=door)
    text.starter_digest = item.content.digest
    session.flush()
    if untouched and text.state == PUBLISHED:
        service.publish(session, text, door=door)
        return "changed", {text.id}
    return "changed", set()


def _term(session: Session, item: TermEntry, door: Door) -> str:
    row = session.scalar(
        select(GlossaryTerm).where(GlossaryTerm.lang == item.lang, GlossaryTerm.slug == item.slug)
    )
    digest = item.text.digest
    if row is not None and (
        row.starter_digest in (None, digest) or glossary.text_of(row).digest != row.starter_digest
    ):
        return "unchanged"  # somebody's own, up to date, or edited here
    saved = glossary.save(session, row.id if row else None, item.lang, item.text, slug=item.slug, door=door)
    saved.starter_digest = digest
    session.flush()
    return "changed" if row else "added"
