"""The rules of writing articles."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.accounts.models import Segment
from app.accounts.permissions import VISITOR
from app.articles import editions, queries, service
from app.articles.audience import Audience, audience
from app.articles.models import (
    ARCHIVED,
    DRAFT,
    PUBLISHED,
    Article,
    ArticleAudience,
    ArticleSlug,
    ArticleText,
    Revision,
)
from app.audit import AuditEntry
from app.db import Database
from app.errors import Conflict, NotVisible, Refused
from app.outbox import Job
from tests import factories
from tests.articles.makers import BODY, content, door, draft, published, translated


def actions(session) -> list[str]:
    return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def test_a_new_article_is_a_draft_nobody_reads(database: Database) -> None:
    with database.session(write=True) as session:
        text = draft(session, "Rechnung ändern")
        assert (text.state, text.slug, text.latest_number, text.current_number) == (
            DRAFT, "rechnung-aendern", 1, None,
        )  # fmt: skip
        assert queries.article(session, VISITOR, "de", "rechnung-aendern") is None
        assert actions(session) == ["article.create"]
        assert session.scalar(select(func.count()).select_from(Job)) == 0


def test_publishing_shows_it_turns_the_edition_and_puts_the_index_work(database: Database) -> None:
    with database.session(write=True) as session:
        text = draft(session)
        before = editions.current(session)
        service.publish(session, text, door=door())
        found = queries.article(session, VISITOR, "de", text.slug)
        assert found is not None
        assert (found.title, found.number) == ("Rechnung ändern", 1)
        assert editions.current(session) == before + 1
        job = session.scalars(select(Job)).one()
        assert (job.name, job.ids) == ("articles.index", {"article_text_id": text.id})
        assert actions(session) == ["article.create", "article.publish"]


def test_a_newer_draft_leaves_the_published_revision_to_readers(database: Database) -> None:
    with database.session(write=True) as session:
        text = published(session)
        assert service.save(session, text, content("Anders", body="Neu"), slug="", based_on=1, door=door())
        reading = queries.article(session, VISITOR, "de", text.slug)
        assert reading is not None
        assert (reading.title, reading.number, text.latest_number) == ("Rechnung ändern", 1, 2)
        assert queries.body(session, text.id, reading.number) == BODY
        service.publish(session, text, door=door())
        reading = queries.article(session, VISITOR, "de", text.slug)
        assert reading is not None
        assert (reading.title, reading.number) == ("Anders", 2)


def test_first_publication_day_stays(database: Database) -> None:
    with database.session(write=True) as session:
        text = published(session)
        first = text.published_at
        service.save(session, text, content("Neu"), slug="", based_on=None, door=door())
        later = service.Door(None, text.updated_at + timedelta(days=3))
        service.publish(session, text, door=later)
        assert text.published_at == first
        assert text.updated_at == later.now


def test_saving_nothing_new_makes_no_revision(database: Database) -> None:
    with database.session(write=True) as session:
        text = published(session)
        assert not service.save(session, text, content(), slug=text.slug, based_on=1, door=door())
        assert session.scalar(select(func.count()).select_from(Revision)) == 1


def test_the_second_of_two_editors_is_told(database: Database) -> None:
    with database.session(write=True) as session:
        text = draft(session)
        service.save(session, text, content("Ada"), slug="", based_on=1, door=door())
        with pytest.raises(Conflict):
            service.save(session, text, content("Grace"), slug="", based_on=1, door=door())
        assert service.latest(session, text).title == "Ada"


def test_two_editors_at_the_same_moment_lose_nothing(database: Database) -> None:
    with database.session(write=True) as session:
        text = draft(session)
        article_id = text.article_id
        session.commit()
    outcomes: list[str] = []
    ready = threading.Barrier(2)

    def write(title: str) -> None:
        ready.wait()
        with database.session(write=True) as session:
            held = service.text_of(session, article_id, "de")
            try:
                service.save(session, held, content(title), slug="", based_on=1, door=door())
                session.commit()
                outcomes.append("saved")
            except Conflict:
                outcomes.append("told")

    threads = [threading.Thread(target=write, args=(name,)) for name in ("Ada", "Grace")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["saved", "told"]
    with database.session(write=False) as session:
        assert session.scalar(select(func.count()).select_from(Revision)) == 2


def test_an_address_is_one_articles_only(database: Database) -> None:
    with database.session(write=True) as session:
        published(session, "Eins", slug="gleich")
        with pytest.raises(Conflict):
            draft(session, "Zwei", slug="gleich")
        other = draft(session, "Drei")
        with pytest.raises(Conflict):
            service.save(session, other, content("Drei"), slug="gleich", based_on=None, door=door())
        assert draft(session, "Eins", lang="en", slug="gleich").lang == "en"


def test_addresses_made_of_titles_do_not_clash(database: Database) -> None:
    with database.session(write=True) as session:
        slugs = [draft(session, "Größe & Maße").slug for _ in range(3)]
        assert slugs == ["groesse-masse", "groesse-masse-2", "groesse-masse-3"]


def test_an_old_address_leads_on(database: Database) -> None:
    with database.session(write=True) as session:
        text = published(session, slug="alt")
        service.save(session, text, content(), slug="neu", based_on=None, door=door())
        assert queries.moved_to(session, VISITOR, "de", "alt") == "neu"
        service.save(session, text, content(), slug="alt", based_on=None, door=door())
        assert queries.moved_to(session, VISITOR, "de", "neu") == "alt"
        assert queries.moved_to(session, VISITOR, "de", "alt") is None
        draft(session, "Anderer", slug="neu")  # a present article comes before an old address
        assert session.scalar(select(func.count()).select_from(ArticleSlug)) == 0


@pytest.mark.parametrize("slug", ["a/b", "a b", "?x", "#", "..", ".", "a%20b", "x" * 201, '"', "a\\b", "<b>"])
def test_addresses_that_cannot_be(database: Database, slug: str) -> None:
    with database.session(write=True) as session, pytest.raises(Refused):
        draft(session, slug=slug)


@pytest.mark.parametrize("slug", ["dc-00", "Über_uns", "v1.2", "c++", "a~b", "日本"])
def test_addresses_that_can(database: Database, slug: str) -> None:
    with database.session(write=True) as session:
        assert published(session, slug=slug).slug == slug


@pytest.mark.parametrize("to", [DRAFT, ARCHIVED])
def test_withdrawing_takes_it_from_readers(database: Database, to: str) -> None:
    with database.session(write=True) as session:
        text = published(session)
        edition = editions.current(session)
        service.withdraw(session, text, to=to, door=door())
        assert (text.state, text.current_number) == (to, None)
        assert queries.article(session, VISITOR, "de", text.slug) is None
        assert editions.current(session) == edition + 1
        assert session.scalar(select(func.count()).select_from(Job)) == 2
        service.publish(session, text, door=door())
        assert text.state == PUBLISHED


def test_limits(database: Database) -> None:
    with database.session(write=True) as session:
        for field, given in (
            ("title", {"title": "x" * 201}),
            ("title", {"title": "  "}),
            ("summary", {"summary": "x" * 501}),
            ("body", {"body": "x" * 200_001}),
            ("keywords", {"keywords": tuple(str(n) for n in range(51))}),
        ):
            with pytest.raises(Refused) as refused:
                draft(session, **given)
            assert refused.value.field == field


def test_readers_and_category_change_for_all_languages_at_once(database: Database) -> None:
    with database.session(write=True) as session:
        factories.organisation(session, "Werk A")
        session.add(Segment(slug="gold", name="Gold"))
        text = published(session)
        english = translated(session, text, "Change the invoice")
        wanted = audience(["organisation:werk-a", "segment:gold"])
        assert service.settle(session, text.article_id, category_id=None, audience=wanted, door=door())
        article = session.get_one(Article, text.article_id)
        assert service.audience_of(session, article) == wanted
        assert queries.article(session, VISITOR, "en", english.slug) is None
        assert not service.settle(session, text.article_id, category_id=None, audience=wanted, door=door())
        service.settle(
            session, text.article_id, category_id=None, audience=Audience("customers"), door=door()
        )
        assert session.scalar(select(func.count()).select_from(ArticleAudience)) == 0


@pytest.mark.parametrize("token", ["organisation:nobody", "segment:nobody"])
def test_unknown_groups_are_named(database: Database, token: str) -> None:
    with database.session(write=True) as session, pytest.raises(Refused, match="nobody"):
        draft(session, tokens=(token,))


def test_a_text_that_is_not_there(database: Database) -> None:
    with database.session(write=True) as session:
        text = draft(session)
        with pytest.raises(NotVisible):
            service.text_of(session, text.article_id, "en")
        with pytest.raises(NotVisible):
            service.settle(session, 4711, category_id=None, audience=Audience("public"), door=door())


def test_one_text_a_language(database: Database) -> None:
    with database.session(write=True) as session:
        text = draft(session)
        article = session.get_one(Article, text.article_id)
        with pytest.raises(Conflict):
            service.add_text(session, article, lang="de", slug="x", content=content(), door=door())


def test_views_and_votes_order_what_is_popular(database: Database) -> None:
    with database.session(write=True) as session:
        liked, disliked, read = (published(session, name) for name in ("Gut", "Schlecht", "Viel"))
        for text, views, yes, no in ((liked, 10, 9, 0), (disliked, 10, 0, 9), (read, 30, 0, 9)):
            session.execute(
                update(ArticleText)
                .where(ArticleText.id == text.id)
                .values(views=views, helpful_yes=yes, helpful_no=no)
            )
        from app.articles import categories

        home = queries.home(session, VISITOR, "de", categories.tree(session))
        assert [line.title for line in home.popular] == ["Viel", "Gut", "Schlecht"]
