"""The index follows the database, by the worker, whatever happens to its folder."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.accounts import organisations
from app.accounts.models import Organisation
from app.accounts.permissions import VISITOR, Viewer
from app.articles import categories, finding, indexing, service
from app.articles.audience import audience
from app.articles.models import ArticleText, Category
from app.now import now
from tests import factories
from tests.articles.makers import content, door, published, translated
from tests.support.pages import Browser


def change(app: Flask, work: Callable[..., object]) -> object:
    with app.extensions["portal"].database.session(write=True) as session:
        done = work(session)
        session.commit()
        return done


def total(app: Flask, text: str, viewer: Viewer = VISITOR, **given: object) -> int:
    portal = app.extensions["portal"]
    with portal.database.session(write=False) as session:
        return finding.find(session, portal.search_dir, viewer, text, lang="de", **given).total  # type: ignore[arg-type]


def text_of(session) -> ArticleText:
    return session.scalars(select(ArticleText)).first()


@pytest.mark.both_databases
def test_published_is_found_changed_is_found_withdrawn_is_gone(
    app: Flask, run_worker: Callable[[], int]
) -> None:
    change(app, lambda session: published(session, "Zebra"))
    assert total(app, "Zebra") in (0, 1)  # without an index titles are compared
    run_worker()
    assert total(app, "Zebra") == 1
    change(
        app,
        lambda session: (
            service.save(session, text_of(session), content("Giraffe"), slug="", based_on=None, door=door()),
        ),
    )
    run_worker()
    assert total(app, "Zebra") == 1  # saved is not published
    change(app, lambda session: service.publish(session, text_of(session), door=door()))
    run_worker()
    assert (total(app, "Zebra"), total(app, "Giraffe")) == (0, 1)
    change(app, lambda session: service.withdraw(session, text_of(session), to="draft", door=door()))
    run_worker()
    assert total(app, "Giraffe") == 0


def test_keywords_and_headings_are_found(app: Flask, run_worker: Callable[[], int]) -> None:
    body = "Text\n\n## Quittenmus\n\nMehr Text über Stachelbeeren."
    change(app, lambda session: published(session, "Obst", keywords=("Marille",), body=body))
    run_worker()
    portal = app.extensions["portal"]
    assert [total(app, word) for word in ("Marille", "Quittenmus", "Stachelbeere")] == [1, 1, 1]
    with portal.database.session(write=False) as session:
        hit = finding.find(session, portal.search_dir, VISITOR, "Stachelbeeren", lang="de").finds[0]
    assert hit.anchor == "quittenmus"


def test_moving_a_category_moves_its_articles(app: Flask, run_worker: Callable[[], int]) -> None:
    def make(session) -> None:
        place = categories.by_path(session, "obst/beeren", actor_id=None, now=now(), through="web")
        published(session, "Brombeere", category_id=place)

    change(app, make)
    run_worker()
    assert total(app, "Brombeere", category="obst") == 1

    def move(session) -> None:
        node = session.scalars(select(Category).where(Category.path == "obst")).one()
        categories.change(
            session, node.id, names=node.name, descriptions={}, slug="garten", parent_id=None, position=1,
            actor_id=None, now=now(),
        )  # fmt: skip

    change(app, move)
    run_worker()
    assert (total(app, "Brombeere", category="obst"), total(app, "Brombeere", category="garten/beeren")) == (
        0,
        1,
    )


def test_another_short_name_of_an_organisation_keeps_its_articles_found(
    app: Flask, run_worker: Callable[[], int]
) -> None:
    def make(session) -> int:
        made = factories.organisation(session, "Werk A")
        published(session, "Brombeere", tokens=("organisation:werk-a",))
        return made.id

    number = change(app, make)
    run_worker()
    before = Viewer(person_id=1, kind="customer", organisations=((number, "werk-a", "member"),))
    assert total(app, "Brombeere", before) == 1
    change(
        app,
        lambda session: organisations.edit(
            session, number, name="Werk A", slug="werk-neu", actor_id=None, now=now()
        ),
    )
    run_worker()
    after = Viewer(person_id=1, kind="customer", organisations=((number, "werk-neu", "member"),))
    assert (total(app, "Brombeere", before), total(app, "Brombeere", after)) == (0, 1)
    assert change(app, lambda session: session.scalars(select(Organisation.slug)).one()) == "werk-neu"


@pytest.mark.parametrize("harm", ["gone", "empty", "garbage"])
def test_a_broken_folder_is_never_an_error_and_mends_itself(
    app: Flask, visitor: Browser, run_worker: Callable[[], int], harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    change(app, lambda session: published(session, "Brombeere", lang="en"))
    run_worker()
    folder = app.extensions["portal"].search_dir
    indexing.index_in.cache_clear()  # as in a process that starts now
    if harm == "gone":
        shutil.rmtree(folder)
    elif harm == "empty":
        (folder / "current.json").write_text("")
    else:
        for path in folder.rglob("*"):
            if path.is_file():
                path.write_bytes(b"\x00garbage")
    for path in ("/en/search?q=Brombeere", "/en/suggest?q=Bromb"):
        assert visitor.visit(path).all("a", href="/en/articles/brombeere"), path
    assert "being prepared" in visitor.visit("/en/search?q=Brombeere").text
    assert json.loads(visitor.get("/api/v1/search?q=Brombeere&lang=en").data)["total"] == 1
    with app.extensions["portal"].database.session(write=True) as session:
        from app.outbox import Recurring

        session.execute(update(Recurring).values(next_at=now()))
        session.commit()
    run_worker()
    assert "built anew" in caplog.text
    assert "being prepared" not in visitor.visit("/en/search?q=Brombeere").text
    assert "1 result" in visitor.visit("/en/search?q=Brombeere").text


def test_a_start_mends_an_index_that_differs(app: Flask, run_worker: Callable[[], int]) -> None:
    change(app, lambda session: published(session, "Brombeere"))
    run_worker()
    portal = app.extensions["portal"]
    indexing.index_in(portal.search_dir).remove(change(app, indexing.published_ids))  # type: ignore[arg-type]
    assert total(app, "Brombeere") == 0
    indexing.ensure(portal.database, portal.search_dir)
    assert total(app, "Brombeere") == 1


def test_the_other_language_is_offered_only_where_this_one_lacks_the_article(
    app: Flask, visitor: Browser, run_worker: Callable[[], int]
) -> None:
    def make(session) -> None:
        translated(session, published(session, "Marille zwei", body="Marille"), "Marille two", body="Marille")
        published(session, "Marille drei", body="Marille")

    change(app, make)
    run_worker()
    page = visitor.visit("/en/search?q=Marille")
    below = page.one("section", aria_labelledby="elsewhere")
    assert [a.get("href") for a in below.iter("a")] == ["/de/articles/marille-drei"]
    assert all(item.get("lang") == "de" for item in below.iter("li"))
    found = json.loads(visitor.get("/api/v1/search?q=Marille&lang=en").data)
    assert [hit["slug"] for hit in found["results"]] == ["marille-two"]
    assert [(hit["slug"], hit["lang"]) for hit in found["fallback"]] == [("marille-drei", "de")]


def test_two_seconds_are_enough_for_the_work_itself(app: Flask, run_worker: Callable[[], int]) -> None:
    change(app, lambda session: [published(session, f"Brombeere {n}") for n in range(30)])
    began = time.monotonic()
    run_worker()
    assert total(app, "Brombeere") == 30
    assert time.monotonic() - began < 2


def test_readers_of_a_listed_article_are_in_the_index(app: Flask, run_worker: Callable[[], int]) -> None:
    def make(session) -> None:
        factories.organisation(session, "Werk A")
        text = published(session, "Brombeere")
        service.settle(
            session,
            text.article_id,
            category_id=None,
            audience=audience(["organisation:werk-a"]),
            door=door(),
        )

    change(app, make)
    run_worker()
    with app.extensions["portal"].database.session(write=False) as session:
        (document,) = indexing.documents(session)
    assert document.audiences == {"organisation:werk-a", "internal"}
