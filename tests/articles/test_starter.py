"""Shipped texts: loaded once, brought up to date where nobody edited them, never overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.accounts.permissions import VISITOR
from app.articles import glossary, queries, service, starter
from app.articles.glossary import TermText
from app.articles.models import ArticleText, Category, GlossaryTerm, Revision
from app.db import Database
from tests.articles.makers import content, door, published


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of shipped content that the test may change, as an upgrade does."""
    monkeypatch.setattr(starter, "CONTENT", tmp_path)
    (tmp_path / "categories.yaml").write_text(
        "- {slug: portal, set: starter, sort: 5, name: {de: Portal, en: Portal}}\n"
        "- {slug: firm, set: demo, sort: 6, name: {de: Firma, en: Firm}}\n"
    )
    write(tmp_path, "Alte Fassung")
    term(tmp_path, "Eine Frist.")
    return tmp_path


def write(folder: Path, body: str) -> None:
    for lang, more in (("de", ""), ("en", "translation_of: hilfe\n")):
        path = folder / lang / "starter" / f"{'hilfe' if lang == 'de' else 'help'}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"---\ntitle: Hilfe {lang}\ncategory: portal\n{more}---\n{body}\n")


def term(folder: Path, definition: str) -> None:
    path = folder / "de" / "glossary" / "sla.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"---\nterm: SLA\nalso: [Vereinbarung]\n---\n{definition}\n")


def loaded(database: Database) -> starter.Outcome:
    with database.session(write=True) as session:
        outcome = starter.load(session, door=door(bulk=True))
        session.commit()
    assert not outcome.faults
    return outcome


def text_of(session, lang: str = "de") -> ArticleText:
    return session.scalars(select(ArticleText).where(ArticleText.lang == lang)).one()


def seen(session) -> str:
    reading = queries.article(session, VISITOR, "de", "hilfe")
    assert reading is not None
    return queries.body(session, reading.id, reading.number)


def test_loading_twice_changes_nothing(database: Database, shipped: Path) -> None:
    assert loaded(database).added == 3
    assert loaded(database).unchanged == 3
    with database.session(write=False) as session:
        assert session.scalars(select(Category.path)).all() == ["portal"]
        assert text_of(session, "de").article_id == text_of(session, "en").article_id
        assert session.scalar(select(func.count()).select_from(Revision)) == 2


def test_an_unedited_text_follows_the_shipped_one(database: Database, shipped: Path) -> None:
    loaded(database)
    write(shipped, "Neue Fassung")
    term(shipped, "Eine Zusage.")
    assert loaded(database).changed == 3
    with database.session(write=False) as session:
        assert seen(session) == "Neue Fassung"
        assert session.scalars(select(GlossaryTerm.definition)).one() == "Eine Zusage."


def test_an_edited_text_stays_and_the_new_one_waits_as_a_draft(database: Database, shipped: Path) -> None:
    loaded(database)
    with database.session(write=True) as session:
        text = text_of(session)
        service.save(session, text, content("Hilfe", body="Unsere"), slug="", based_on=None, door=door())
        service.publish(session, text, door=door())
        row = session.scalars(select(GlossaryTerm)).one()
        glossary.save(session, row.id, "de", TermText("SLA", "Unsere Worte."), door=door())
        session.commit()
    write(shipped, "Neue Fassung")
    term(shipped, "Eine Zusage.")
    loaded(database)
    with database.session(write=False) as session:
        assert seen(session) == "Unsere"
        assert service.latest(session, text_of(session)).body == "Neue Fassung"
        assert session.scalars(select(GlossaryTerm.definition)).one() == "Unsere Worte."
    loaded(database)  # the draft is offered once
    with database.session(write=False) as session:
        assert text_of(session).latest_number == 3


def test_an_editors_own_draft_is_not_buried(database: Database, shipped: Path) -> None:
    loaded(database)
    with database.session(write=True) as session:
        service.save(
            session, text_of(session), content("Hilfe", body="In Arbeit"), slug="", based_on=None, door=door()
        )
        session.commit()
    write(shipped, "Neue Fassung")
    loaded(database)
    with database.session(write=True) as session:
        assert service.latest(session, text_of(session)).body == "In Arbeit"
        service.publish(session, text_of(session), door=door())
        session.commit()
    loaded(database)  # now it is offered
    with database.session(write=False) as session:
        assert (seen(session), service.latest(session, text_of(session)).body) == (
            "In Arbeit",
            "Neue Fassung",
        )


def test_a_renamed_or_archived_starter_is_not_loaded_again(database: Database, shipped: Path) -> None:
    loaded(database)
    with database.session(write=True) as session:
        text = text_of(session)
        service.save(session, text, service.latest(session, text), slug="anders", based_on=None, door=door())
        service.withdraw(session, text, to="archived", door=door())
        session.commit()
    write(shipped, "Neue Fassung")
    loaded(database)
    with database.session(write=False) as session:
        assert (text_of(session).slug, text_of(session).state) == ("anders", "archived")


def test_somebodys_own_article_at_the_address_stays(database: Database, shipped: Path) -> None:
    with database.session(write=True) as session:
        published(session, "Eigener", slug="hilfe", body="Eigenes")
        session.commit()
    loaded(database)
    with database.session(write=False) as session:
        assert seen(session) == "Eigenes"


def test_what_is_really_shipped_can_be_loaded(database: Database) -> None:
    outcome = loaded(database)
    assert outcome.added > 150
    with database.session(write=False) as session:
        for lang in ("de", "en"):
            known = glossary.read(session, lang)
            assert all(
                slug in {term.slug for term in known.terms}
                for term in known.terms
                for slug, _ in term.related
            )
